package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
)

const (
	piece = 64 << 10
	// What is written in place is one write(2), as a cgroup file wants it.
	longestInPlace = 1 << 20
)

func readFile(_ *channel, out *reply, request []byte) error {
	var asked struct {
		Path   string `json:"path"`
		Offset int64  `json:"offset"`
		Limit  int64  `json:"limit"` // 0: all of it
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	file, err := os.Open(asked.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	if asked.Offset > 0 {
		if _, err := file.Seek(asked.Offset, io.SeekStart); err != nil {
			return err
		}
	}
	var from io.Reader = file
	if asked.Limit > 0 {
		from = io.LimitReader(file, asked.Limit)
	}
	_, err = io.CopyBuffer(stream{out, messageBytes}, struct{ io.Reader }{from}, make([]byte, piece))
	return err
}

func writeFile(from *channel, out *reply, request []byte) error {
	var asked struct {
		Path        string `json:"path"`
		Mode        uint32 `json:"mode"`
		InPlace     bool   `json:"in_place"`
		Directories bool   `json:"directories"`
		Size        int64  `json:"size"` // of what comes, -1 where only its end tells
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	if asked.InPlace {
		return writeInPlace(asked.Path, from, asked.Size)
	}
	if asked.Directories {
		if err := os.MkdirAll(filepath.Dir(asked.Path), 0o755); err != nil {
			return err
		}
	}
	file, err := os.CreateTemp(filepath.Dir(asked.Path), ".podresize-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // it has another name once all went well
	defer file.Close()
	size, err := io.CopyBuffer(struct{ io.Writer }{file}, from, make([]byte, piece))
	if err != nil {
		return err
	}
	if err := whole(size, asked.Size); err != nil {
		return err
	}
	mode := os.FileMode(asked.Mode & 0o777)
	if asked.Mode&syscall.S_ISUID != 0 {
		mode |= os.ModeSetuid
	}
	if err := file.Chmod(mode); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), asked.Path); err != nil {
		return err
	}
	return out.say(map[string]any{"size": size})
}

// whole says that what came is all of it: a writer that has gone away looks like the end.
func whole(came, wanted int64) error {
	if wanted >= 0 && came != wanted {
		return fmt.Errorf("%d bytes came of %d", came, wanted)
	}
	return nil
}

func writeInPlace(path string, from io.Reader, size int64) error {
	data, err := io.ReadAll(io.LimitReader(from, longestInPlace+1))
	if err != nil {
		return err
	}
	if len(data) > longestInPlace {
		return fmt.Errorf("more than %d bytes cannot be written in place", longestInPlace)
	}
	if err := whole(int64(len(data)), size); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Write(data)
	return err
}

func list(_ *channel, out *reply, request []byte) error {
	var asked struct {
		Path string `json:"path"`
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	found, err := os.ReadDir(asked.Path)
	if err != nil {
		return err
	}
	entries := make([]map[string]any, 0, len(found))
	for _, each := range found {
		kind, size := "other", int64(0)
		switch {
		case each.Type().IsRegular():
			kind = "file"
		case each.IsDir():
			kind = "directory"
		case each.Type()&os.ModeSymlink != 0:
			kind = "link"
		case each.Type()&os.ModeSocket != 0:
			kind = "socket"
		}
		if info, err := each.Info(); err == nil {
			size = info.Size()
		}
		entries = append(entries, map[string]any{"name": each.Name(), "kind": kind, "size": size})
	}
	return out.say(map[string]any{"entries": entries})
}

func there(_ *channel, out *reply, request []byte) error {
	var asked struct {
		Paths []string `json:"paths"`
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	found := make([]bool, len(asked.Paths))
	for number, path := range asked.Paths {
		_, err := os.Stat(path)
		found[number] = err == nil
	}
	return out.say(map[string]any{"there": found})
}

// find returns the directories below some roots: what they are called says whose cgroups they are.
func find(_ *channel, out *reply, request []byte) error {
	var asked struct {
		Roots []string `json:"roots"`
		Depth int      `json:"depth"`
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	tree := map[string][]string{}
	var look func(string, int)
	look = func(place string, depth int) {
		names := directories(place)
		tree[place] = names
		if depth > 0 {
			for _, name := range names {
				look(filepath.Join(place, name), depth-1)
			}
		}
	}
	for _, root := range asked.Roots {
		look(root, asked.Depth)
	}
	return out.say(map[string]any{"tree": tree})
}

func directories(place string) []string {
	names := []string{}
	entries, _ := os.ReadDir(place) // a cgroup may go while its parent is searched
	for _, each := range entries {
		if each.IsDir() {
			names = append(names, each.Name())
		}
	}
	return names
}

// settings returns, of each place in their order, the content of the files of its directories whose
// names begin with one of Prefixes and hold none of Without. What cannot be read is left out.
func settings(_ *channel, out *reply, request []byte) error {
	var asked struct {
		Places   [][]string `json:"places"`
		Prefixes []string   `json:"prefixes"`
		Without  []string   `json:"without"`
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	found := make([]map[string]string, len(asked.Places))
	for number, place := range asked.Places {
		found[number] = map[string]string{}
		for _, directory := range place {
			err := settingsIn(directory, asked.Prefixes, asked.Without, found[number])
			if err != nil {
				return err
			}
		}
	}
	return out.say(map[string]any{"settings": found})
}

func settingsIn(directory string, prefixes, without []string, found map[string]string) error {
	entries, err := os.ReadDir(directory)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the container has ended
	}
	if err != nil {
		return err
	}
	sort.Slice(entries, func(a, b int) bool { return entries[a].Name() < entries[b].Name() })
	for _, each := range entries {
		if !counts(each.Name(), prefixes, without) {
			continue
		}
		if text, err := os.ReadFile(filepath.Join(directory, each.Name())); err == nil {
			found[each.Name()] = strings.TrimSpace(string(text))
		}
	}
	return nil
}

func counts(name string, prefixes, without []string) bool {
	for _, word := range without {
		if strings.Contains(name, word) {
			return false
		}
	}
	for _, prefix := range prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
