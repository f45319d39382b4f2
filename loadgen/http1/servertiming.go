package http1

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// AppTime is how long an app worked on a response, by the value of a Server-Timing field: the duration of
// its metric app, in milliseconds (app;dur=12.5). It is zero if there is none.
func AppTime(value []byte) time.Duration {
	for len(value) > 0 {
		var metric []byte
		metric, value = cut(value, ',')
		name, parameters := cut(metric, ';')
		if !equalFold(trim(name), "app") {
			continue
		}
		for len(parameters) > 0 {
			var parameter []byte
			parameter, parameters = cut(parameters, ';')
			if key, text, is := bytes.Cut(parameter, []byte{'='}); is && equalFold(trim(key), "dur") {
				return millis(bytes.Trim(trim(text), `"`))
			}
		}
	}
	return 0
}

// cut divides a list at the first separator that is not part of a quoted text.
func cut(list []byte, separator byte) (first, rest []byte) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == separator && !quoted:
			return list[:i], list[i+1:]
		}
	}
	return list, nil
}

// longestDigits is the length of the longest number that is read: as much as fits on the stack.
const longestDigits = 32

// millis is a number of milliseconds as a time; zero if it is not one.
func millis(digits []byte) time.Duration {
	if len(digits) > longestDigits {
		return 0
	}
	ms, err := strconv.ParseFloat(string(digits), 64)
	if err != nil || !(ms > 0 && ms < math.MaxInt64/float64(time.Millisecond)) {
		return 0
	}
	return time.Duration(ms * float64(time.Millisecond))
}
