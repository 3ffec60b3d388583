package main

import (
	"bytes"
	"errors"
	"math"
	"sort"
	"strings"
	"syscall"
)

const longestFile = 65536

type subjects map[string]map[string]string // subject -> file name -> path

type sampled struct {
	Follow *struct {
		Subject string            `json:"subject"`
		Files   map[string]string `json:"files"`
	} `json:"follow"`
}

// file is a cgroup file through a descriptor that stays open. What it held is compared in place: an
// emulated processor has no time for a collector of garbage.
type file struct {
	name, path string
	descriptor int // -1: not open
	isThere    bool
	last       []byte
}

// sampler reads cgroup files as podresize's CgroupSampler does.
type sampler struct {
	files    map[string][]*file
	known    map[string]bool // subjects that were said once as they are now
	readings int
	buffer   []byte
	out      func(any) error
	samples  int
	before   float64
	gap      float64
	said     float64
}

func sample(from *channel, out *reply, request []byte) error {
	var asked struct {
		Files    subjects `json:"files"`
		Rate     float64  `json:"rate"`
		Readings int      `json:"readings"`
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	watching := newWatch[sampled](from, out)
	its := &sampler{
		files: map[string][]*file{}, known: map[string]bool{}, readings: max(1, asked.Readings),
		buffer: make([]byte, longestFile), out: watching.say,
	}
	defer func() {
		for subject := range its.files {
			its.follow(subject, nil)
		}
	}()
	for subject, paths := range asked.Files {
		its.follow(subject, paths)
	}
	follow := func(told sampled) {
		if told.Follow != nil {
			its.follow(told.Follow.Subject, told.Follow.Files)
		}
	}
	return watching.run(from, asked.Rate, follow, its.look)
}

// follow looks at other files of a subject from now on; the same content in them is no change.
func (s *sampler) follow(subject string, paths map[string]string) {
	before := map[string]*file{}
	for _, each := range s.files[subject] {
		each.close()
		before[each.name] = each
	}
	isSame := s.known[subject] && len(before) == len(paths)
	files := make([]*file, 0, len(paths))
	for name, path := range paths {
		fresh := &file{name: name, path: path, descriptor: -1}
		if old := before[name]; old != nil {
			fresh.isThere, fresh.last = old.isThere, old.last
		} else {
			isSame = false
		}
		files = append(files, fresh)
	}
	sort.Slice(files, func(a, b int) bool { return files[a].name < files[b].name })
	s.files[subject], s.known[subject] = files, isSame
}

// look takes one sample. A reading that differs is repeated at once: it may mix what was before a
// write with what was after it. All carry the time at which the last was known.
func (s *sampler) look(isLast bool) error {
	now := clock(clockMonotone)
	if s.samples > 0 {
		s.gap = max(s.gap, now-s.before)
	}
	s.before = now
	s.samples++
	var changed []map[string]any
	for reading := 0; reading < s.readings; reading++ {
		found, err := s.changed()
		if err != nil {
			return err
		}
		if len(found) == 0 {
			break
		}
		changed = append(changed, found...)
	}
	if len(changed) > 0 {
		seen := clock(clockMonotone)
		for _, each := range changed {
			each["t"] = seen
			if err := s.out(each); err != nil {
				return err
			}
		}
	}
	if isLast || s.samples == 1 || now-s.said >= beatEvery.Seconds() {
		beat := map[string]any{"beat": map[string]any{"t": now, "samples": s.samples, "gap": s.gap}}
		s.gap, s.said = 0, now
		return s.out(beat)
	}
	return nil
}

// changed reads every file once and returns the subjects of which one differs.
func (s *sampler) changed() ([]map[string]any, error) {
	var found []map[string]any
	for subject, files := range s.files {
		differs := !s.known[subject]
		for _, each := range files {
			its, err := each.read(s.buffer)
			if err != nil {
				return nil, err
			}
			differs = differs || its
		}
		if !differs {
			continue
		}
		s.known[subject] = true
		data := make(map[string]*string, len(files))
		for _, each := range files {
			data[each.name] = each.text()
		}
		found = append(found, map[string]any{"subject": subject, "data": data})
	}
	return found, nil
}

func (f *file) text() *string {
	if !f.isThere {
		return nil
	}
	text := strings.TrimRight(string(f.last), "\n")
	return &text
}

// read looks at the file and returns whether it is another than before: its content, or that it or
// its cgroup is not there, or turned off.
func (f *file) read(buffer []byte) (bool, error) {
	size, err := f.pread(buffer)
	if err == nil {
		if f.isThere && bytes.Equal(f.last, buffer[:size]) {
			return false, nil
		}
		f.isThere, f.last = true, append(f.last[:0], buffer[:size]...)
		return true, nil
	}
	f.close()
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR),
		errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.EOPNOTSUPP):
		wasThere := f.isThere
		f.isThere = false
		return wasThere, nil
	}
	return false, &pathError{f.path, err}
}

func (f *file) pread(buffer []byte) (int, error) {
	if f.descriptor < 0 {
		descriptor, err := syscall.Open(f.path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return 0, err
		}
		f.descriptor = descriptor
	}
	for {
		size, err := syscall.Pread(f.descriptor, buffer, 0)
		if !errors.Is(err, syscall.EINTR) {
			return size, err
		}
	}
}

func (f *file) close() {
	if f.descriptor >= 0 {
		_ = syscall.Close(f.descriptor)
		f.descriptor = -1
	}
}

type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

type processFollow struct {
	Follow *struct {
		Subject string `json:"subject"`
		Cgroup  string `json:"cgroup"`
	} `json:"follow"`
}

// watchProcess says the first process of each cgroup when it is another one than before.
func watchProcess(from *channel, out *reply, request []byte) error {
	var asked struct {
		Cgroups map[string]string `json:"cgroups"`
		Rate    float64           `json:"rate"`
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	if asked.Cgroups == nil {
		asked.Cgroups = map[string]string{} // to be followed later
	}
	watching := newWatch[processFollow](from, out)
	last := map[string]process{}
	looked := math.Inf(-1)
	look := func(bool) error {
		for subject, cgroup := range asked.Cgroups {
			now := firstProcess(cgroup)
			if before, known := last[subject]; known && before.equals(now) {
				continue
			}
			last[subject] = now
			said := map[string]any{"t": clock(clockMonotone), "subject": subject, "data": now}
			if err := watching.say(said); err != nil {
				return err
			}
		}
		// Now and then, so that one who looks can be told from one who has died.
		if now := clock(clockMonotone); now-looked >= 1 {
			looked = now
			return watching.say(map[string]any{"looked": now})
		}
		return nil
	}
	follow := func(told processFollow) {
		if told.Follow != nil {
			asked.Cgroups[told.Follow.Subject] = told.Follow.Cgroup
		}
	}
	return watching.run(from, asked.Rate, follow, look)
}
