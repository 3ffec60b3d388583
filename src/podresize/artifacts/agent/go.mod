module podresize.local/agent

go 1.21
