module podresize.local/reaper

go 1.21
