package native

import "bytes"

// jar is the cookies of a visit, as far as a load needs them: by name, for every path.
type jar struct{ cookies []cookie }

type cookie struct{ name, value []byte }

func (j *jar) clear() { j.cookies = j.cookies[:0] }

// set takes the value of a Set-Cookie field.
func (j *jar) set(field []byte) {
	pair, attributes, _ := bytes.Cut(field, []byte(";"))
	name, value, is := bytes.Cut(pair, []byte("="))
	name, value = bytes.TrimSpace(name), bytes.TrimSpace(value)
	if !is || len(name) == 0 {
		return
	}
	at := -1
	for i := range j.cookies {
		if bytes.Equal(j.cookies[i].name, name) {
			at = i
		}
	}
	if len(value) == 0 || expired(attributes) {
		if last := len(j.cookies) - 1; at >= 0 {
			j.cookies[at], j.cookies[last] = j.cookies[last], j.cookies[at] // their space is reused
			j.cookies = j.cookies[:last]
		}
		return
	}
	if at < 0 {
		if at = len(j.cookies); at < cap(j.cookies) {
			j.cookies = j.cookies[:at+1]
		} else {
			j.cookies = append(j.cookies, cookie{})
		}
		j.cookies[at].name = append(j.cookies[at].name[:0], name...)
	}
	j.cookies[at].value = append(j.cookies[at].value[:0], value...)
}

// expired reports whether a cookie's attributes delete it, as Django's delete_cookie does.
func expired(attributes []byte) bool {
	for len(attributes) > 0 {
		var attribute []byte
		attribute, attributes, _ = bytes.Cut(attributes, []byte(";"))
		if bytes.EqualFold(bytes.TrimSpace(attribute), []byte("Max-Age=0")) {
			return true
		}
	}
	return false
}

// get is the value of a cookie; empty if there is none.
func (j *jar) get(name string) []byte {
	for i := range j.cookies {
		if string(j.cookies[i].name) == name {
			return j.cookies[i].value
		}
	}
	return nil
}
