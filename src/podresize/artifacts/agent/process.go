package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const startTimeField = 22 // proc(5), counted from 1

// pidsBelow returns the pids in a cgroup and in those below it; one that is gone has none.
func pidsBelow(cgroup string) []int {
	found := []int{}
	_ = filepath.WalkDir(cgroup, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil // it went away while it was searched
		}
		text, _ := os.ReadFile(filepath.Join(path, "cgroup.procs")) // EOPNOTSUPP: a threaded one
		for _, word := range strings.Fields(string(text)) {
			// 0 stands for a process that this pid namespace cannot see.
			if pid, err := strconv.Atoi(word); err == nil && pid > 0 {
				found = append(found, pid)
			}
		}
		return nil
	})
	return found
}

// startTicks returns when a process was started, in clock ticks since boot. The command's name,
// in parentheses, may hold spaces and parentheses itself.
func startTicks(pid int) (int64, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) <= startTimeField-3 {
		return 0, false
	}
	ticks, err := strconv.ParseInt(fields[startTimeField-3], 10, 64)
	return ticks, err == nil
}

type process struct {
	Pid   *int   `json:"pid"`
	Ticks *int64 `json:"start_ticks"`
}

// firstProcess returns the oldest process below a cgroup; of two that began together, the lower pid.
func firstProcess(cgroup string) process {
	var oldest process
	for _, pid := range pidsBelow(cgroup) {
		pid := pid
		ticks, isThere := startTicks(pid)
		if !isThere {
			continue
		}
		if oldest.Pid == nil || ticks < *oldest.Ticks || ticks == *oldest.Ticks && pid < *oldest.Pid {
			oldest = process{&pid, &ticks}
		}
	}
	return oldest
}

func (p process) equals(other process) bool {
	if p.Pid == nil || other.Pid == nil {
		return p.Pid == other.Pid
	}
	return *p.Pid == *other.Pid && *p.Ticks == *other.Ticks
}

type ofCgroup struct {
	Cgroup string `json:"cgroup"`
}

func identity(_ *channel, out *reply, request []byte) error {
	var asked ofCgroup
	if err := arguments(request, &asked); err != nil {
		return err
	}
	return out.say(firstProcess(asked.Cgroup))
}

func pids(_ *channel, out *reply, request []byte) error {
	var asked ofCgroup
	if err := arguments(request, &asked); err != nil {
		return err
	}
	return out.say(map[string]any{"pids": pidsBelow(asked.Cgroup)})
}
