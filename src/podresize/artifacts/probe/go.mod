module podresize.local/probe

go 1.21
