module dmp.ma/appliance/pause

go 1.26.0
