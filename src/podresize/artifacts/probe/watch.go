package main

import (
	"flag"
	"maps"
	"path/filepath"
	"time"
)

// What a resize can write, as this container's own cgroup shows it; no value moves by itself.
var settingsV1 = map[string][]string{
	"cpu":    {"cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us"},
	"cpuset": {"cpuset.cpus", "cpuset.mems"},
	"memory": {
		"memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.memsw.limit_in_bytes",
	},
}

var settingsV2 = []string{
	"cpu.weight", "cpu.max", "cpuset.cpus",
	"memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.max",
}

// Whoever reads must be able to tell that nothing changed from that nobody looks.
const quietest = time.Second

// watch prints {"values", "pid", "start_ticks", "monotonic"} when a value differs from the line
// before, and every second. It ends by itself after --seconds, should its reader be gone.
func watch(arguments []string) {
	flags := flag.NewFlagSet("watch", flag.ExitOnError)
	every := flags.Int("every", 20, "milliseconds between two looks")
	seconds := flags.Float64("seconds", 600, "end after that many seconds")
	_ = flags.Parse(arguments)
	if flags.NArg() > 0 || *every < 1 {
		usage("watch takes --every MS and --seconds S, MS >= 1")
	}
	end := time.Now().Add(time.Duration(*seconds * float64(time.Second)))
	var last map[string]string
	var said time.Time
	for ticker := time.NewTicker(time.Duration(*every) * time.Millisecond); ; <-ticker.C {
		now := clock(clockMonotone)
		values := settings("/sys/fs/cgroup")
		if !maps.Equal(values, last) || time.Since(said) >= quietest {
			who, err := identity("/proc/1/stat")
			show(map[string]any{
				"values": values, "process": who, "monotonic": float64(now) / 1e9,
			}, err)
			last, said = values, time.Now()
		}
		if time.Now().After(end) {
			return
		}
	}
}

func settings(root string) map[string]string {
	values := map[string]string{}
	for _, name := range settingsV2 {
		read(values, filepath.Join(root, name))
	}
	for controller, names := range settingsV1 {
		for _, name := range names {
			read(values, filepath.Join(root, controller, name))
		}
	}
	return values
}
