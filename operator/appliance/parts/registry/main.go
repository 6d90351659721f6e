// A registry of container images for tests: another cluster pulls from it what `dmpctl images push` has put there.
// Blobs lie in a folder, manifests in memory. It speaks plain HTTP and serves whoever reaches it: nothing for production.
package main

import (
	"flag"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:5000", "address and port")
	folder := flag.String("folder", "", "folder of the blobs")
	flag.Parse()
	if *folder == "" {
		log.Fatal("-folder is missing")
	}
	server := &http.Server{
		Addr:              *listen,
		ReadHeaderTimeout: 5 * time.Second,
		Handler: registry.New(
			registry.WithBlobHandler(registry.NewDiskBlobHandler(*folder)),
			registry.Logger(log.New(os.Stderr, "", 0)),
		),
	}
	log.Fatal(server.ListenAndServe())
}
