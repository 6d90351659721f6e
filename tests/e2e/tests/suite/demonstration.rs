//! The demonstration, steps 1 to 6, as `dmpctl demo run` plays it.

use dmpctl::demo::steps;
use dmpctl::demo::story::Story;

use crate::stage::{binaries, on_stage};

#[test]
fn a_letter_from_tanger_is_read_in_casablanca() {
    on_stage("demonstration", async |stage| {
        let story = Story::new();
        let mut world = stage.world().await;
        steps::publish::run(&mut world, &story).await.unwrap();
        steps::read::run(&mut world, &story).await.unwrap();
        steps::trail::run(&world, &story, Some(&binaries().join("dmp-verify")))
            .await
            .unwrap();
        steps::oppose::run(&world, &story).await.unwrap();
        steps::revoke::run(&world, &story).await.unwrap();
        steps::search::run(&world, &story, &stage.progress, Some(&stage.running.state))
            .await
            .unwrap();
        assert_eq!(story.failures(), Vec::<String>::new());
    });
}
