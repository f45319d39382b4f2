package main

import (
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"slices"
	"strings"

	"bench/experiments"
	"bench/targets"
)

// list is the requests to the server at the URL, in the order of a file or drawn from a mix.
func (o requestOptions) list(u *url.URL, rawURL string) (list targets.List, err error) {
	feed, err := loadFeed(o.feed)
	if err != nil {
		return list, err
	}
	whole := o.mix != "" || o.sessions != "" || o.targets != ""
	switch {
	case whole && (o.method != "" || o.body != ""):
		return list, usagef("--method and --body are those of a URL: a mix, sessions and lists of targets have their own")
	case o.targets != "" && feed != nil:
		return list, usagef("--feed works with --mix, --sessions or a URL: lists of targets do not have {{column}}")
	case o.mix != "":
		list, err = fileList("--mix", o.mix, func(data []byte) (list targets.List, err error) {
			list.Mix, err = targets.ParseMix(data, targets.FilesBeside(o.mix))
			list.Mix.Feed = feed
			return list, err
		})
	case o.sessions != "":
		list, err = fileList("--sessions", o.sessions, func(data []byte) (list targets.List, err error) {
			list.Mix, err = targets.ParseSessions(data, feed, targets.FilesBeside(o.sessions))
			return list, err
		})
	case o.targets != "":
		list, err = fileList("--targets", o.targets, func(data []byte) (targets.List, error) {
			return targets.ParseList(o.format, data, origin(u), targets.FilesBeside(o.targets))
		})
	default:
		list.Mix.Feed = feed
		list.Mix.Targets, err = o.single(rawURL)
	}
	if err != nil {
		return list, err
	}
	return list, o.addHeaders(list.Mix.Targets, u.User)
}

// single is the only target of a URL.
func (o requestOptions) single(rawURL string) ([]targets.Target, error) {
	body := []byte(o.body)
	if file, is := strings.CutPrefix(o.body, "@"); is {
		var err error
		if body, err = readInput("--body", file); err != nil {
			return nil, err
		}
	}
	method := strings.ToUpper(o.method)
	switch {
	case method == "" && o.body != "":
		method = http.MethodPost
	case method == "":
		method = http.MethodGet
	}
	return []targets.Target{{Name: "url", Method: method, Path: pathOf(rawURL), Body: body}}, nil
}

// pathOf is the path and query of a URL as they are written.
func pathOf(rawURL string) string {
	_, rest, _ := strings.Cut(rawURL, "://")
	rest, _, _ = strings.Cut(rest, "#")
	at := strings.IndexAny(rest, "/?")
	switch {
	case at < 0:
		return "/"
	case rest[at] == '?':
		return "/" + rest[at:]
	}
	return rest[at:]
}

// addHeaders adds the fields of the command line to all targets that do not have them.
func (o requestOptions) addHeaders(all []targets.Target, user *url.Userinfo) error {
	given := http.Header{}
	for _, text := range o.headers {
		name, value, is := strings.Cut(text, ":")
		if name = strings.TrimSpace(name); !is || name == "" {
			return usagef("--header %.60q: want 'NAME: VALUE', such as 'Accept: text/html'", text)
		}
		given.Add(textproto.CanonicalMIMEHeaderKey(name), strings.TrimSpace(value))
	}
	if o.user != "" {
		name, password, _ := strings.Cut(o.user, ":")
		user = url.UserPassword(name, password)
	}
	if _, own := given["Authorization"]; user != nil && !own {
		given.Set("Authorization", targets.BasicAuth(user))
	}
	for i := range all {
		t := &all[i]
		if t.Header = t.Header.Clone(); t.Header == nil {
			t.Header = http.Header{}
		}
		for name, values := range given {
			if _, own := t.Header[name]; !own {
				t.Header[name] = slices.Clone(values)
			}
		}
	}
	return nil
}

// fileList reads the file that a flag names.
func fileList(flag, file string, parse func([]byte) (targets.List, error)) (targets.List, error) {
	data, err := readInput(flag, file)
	if err != nil {
		return targets.List{}, err
	}
	list, err := parse(data)
	if err == nil {
		err = list.Mix.Validate()
	}
	if err != nil {
		return list, experiments.Misuse(fmt.Errorf("%s %s: %w", flag, file, err))
	}
	for i, note := range list.Notes {
		list.Notes[i] = file + ": " + note
	}
	return list, nil
}

// largestInput limits the memory for one file that a flag names.
const largestInput = 256 << 20

// readInput reads a file, or a pipe that ends, that a flag names.
func readInput(flag, file string) ([]byte, error) {
	f, err := openInput(file)
	if err != nil {
		return nil, experiments.Misuse(fmt.Errorf("%s: %w", flag, err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, largestInput+1))
	if err == nil && len(data) > largestInput {
		err = fmt.Errorf("%s: it is larger than %d MiB", file, largestInput>>20)
	}
	if err != nil {
		return nil, experiments.Misuse(fmt.Errorf("%s: %w", flag, err))
	}
	return data, nil
}

// openInput opens a file, or a pipe. Of devices, the null device alone is known to end.
func openInput(file string) (*os.File, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode()&os.ModeCharDevice != 0 && file != os.DevNull {
		err = fmt.Errorf("%s: it is a device, want a file", file)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

func loadFeed(file string) (*targets.Feed, error) {
	if file == "" {
		return nil, nil
	}
	data, err := readInput("--feed", file)
	if err != nil {
		return nil, err
	}
	feed, err := targets.ParseFeed(file, data)
	if err != nil {
		return nil, experiments.Misuse(err)
	}
	return feed, nil
}
