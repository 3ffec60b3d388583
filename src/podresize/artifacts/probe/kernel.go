package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

var filesV2 = []string{
	"cpu.max", "cpu.weight", "cpu.stat", "cpuset.cpus.effective",
	"memory.max", "memory.high", "memory.low", "memory.min", "memory.current", "memory.swap.max",
	"memory.events",
}

var filesV1 = map[string][]string{
	"cpu":    {"cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.stat"},
	"cpuset": {"cpuset.cpus"},
	"memory": {
		"memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.usage_in_bytes",
		"memory.memsw.limit_in_bytes", "memory.failcnt",
	},
}

// cgroup returns {"version": 1 or 2, "values": {file: its text}} as this container sees it. A file
// that the kernel does not have is left out.
func cgroup(root string) (any, error) {
	values := map[string]string{}
	version := 1
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		version = 2
		for _, name := range filesV2 {
			read(values, filepath.Join(root, name))
		}
	} else {
		for controller, names := range filesV1 {
			for _, name := range names {
				read(values, filepath.Join(root, controller, name))
			}
		}
	}
	if len(values) == 0 {
		return nil, errors.New("no cgroup values under " + root)
	}
	// Where the container has no cgroup namespace, the path tells the driver.
	path, _ := os.ReadFile("/proc/self/cgroup")
	return map[string]any{"version": version, "values": values, "path": string(path)}, nil
}

func read(values map[string]string, path string) {
	if text, err := os.ReadFile(path); err == nil {
		values[filepath.Base(path)] = strings.TrimSpace(string(text))
	}
}

// identity returns {"pid": 1, "start_ticks": field 22 of /proc/1/stat}: together with the host's
// boot these name one process and no other.
func identity(path string) (any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	// The second field is the program's name in parentheses, which may hold anything.
	end := strings.LastIndexByte(string(text), ')')
	first, _, _ := strings.Cut(string(text), " ")
	fields := strings.Fields(string(text)[end+1:])
	if end < 0 || len(fields) < 20 {
		return nil, fmt.Errorf("%s is not as proc(5) says", path)
	}
	pid, err := strconv.Atoi(first)
	if err != nil {
		return nil, err
	}
	ticks, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return nil, err
	}
	return map[string]any{"pid": pid, "start_ticks": ticks}, nil
}
