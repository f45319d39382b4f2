package pacing

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kind is a kind of pacer that can be written as text.
type Kind struct {
	// Form is the syntax of the text: the name, literal words, and values in capitals.
	Form string
	// Example is a text of this kind.
	Example string
	parse   func(*Text) Pacer
}

// Name is the first word of the kind's texts.
func (k Kind) Name() string { return firstWord(k.Form) }

// Kinds is the table of all kinds. A new one takes a row here and a file next to this one.
func Kinds() []Kind {
	return []Kind{
		{"constant RATE", "constant 300/s", parseConstant},
		{"ramp RATE RATE over TIME", "ramp 10/s 500/s over 30s", parseRamp},
		{"steps RATE TIME RATE TIME …", "steps 100/s 10s 200/s 10s", parseSteps},
		{"sine RATE RATE per TIME", "sine 300/s 100/s per 1m0s", parseSine},
		{"spike RATE RATE at TIME for TIME", "spike 100/s 1000/s at 10s for 2s", parseSpike},
		{"bursty RATE on TIME off TIME", "bursty 1000/s on 1s off 4s", parseBursty},
		{"poisson SEED PACER", "poisson 1 constant 300/s", parsePoisson},
		{"staggered TIME first|second PACER", "staggered 3ms first constant 300/s", parseStaggered},
	}
}

// Names are the names of all kinds.
func Names() []string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, k.Name())
	}
	return names
}

// Parse reads what a pacer's String writes: a text of one of the [Kinds].
func Parse(text string) (Pacer, error) {
	words := &Text{words: strings.Fields(text)}
	p := words.Pacer()
	if words.err == nil && len(words.words) > 0 {
		words.Fail(fmt.Errorf("%q is left over", strings.Join(words.words, " ")))
	}
	if words.err != nil {
		return nil, fmt.Errorf("pacer %q: %w", text, words.err)
	}
	return p, nil
}

// Text is the rest of a pacer's text. Its methods take the next words, each as the value it has
// to be. The first error is kept, and values read after it are meaningless: a kind reads all of
// its values and leaves the errors to Parse.
type Text struct {
	words []string
	err   error
}

// Fail reports an error in what has been read.
func (t *Text) Fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// Failed reports whether there was an error.
func (t *Text) Failed() bool { return t.err != nil }

// More reports whether there are more words.
func (t *Text) More() bool { return t.err == nil && len(t.words) > 0 }

var errEnds = errors.New("the text ends too soon")

func (t *Text) next() string {
	if len(t.words) == 0 {
		t.Fail(errEnds)
		return ""
	}
	word := t.words[0]
	t.words = t.words[1:]
	return word
}

// Word takes a literal word, such as "over", and returns t for what follows it.
func (t *Text) Word(want string) *Text {
	if got := t.next(); got != want {
		t.Fail(fmt.Errorf("%q where %q belongs", got, want))
	}
	return t
}

// Either takes one of two words, and reports whether it is the first.
func (t *Text) Either(yes, no string) bool {
	got := t.next()
	if got != yes && got != no {
		t.Fail(fmt.Errorf("%q where %q or %q belongs", got, yes, no))
	}
	return got == yes
}

// Rate takes a rate, in requests per second.
func (t *Text) Rate() float64 {
	rate, err := ParseRate(t.next())
	if err != nil {
		t.Fail(err)
	}
	return rate
}

// Time takes a duration of one millisecond to a thousand hours.
func (t *Text) Time() time.Duration { return t.between(time.Millisecond, 1000*time.Hour) }

func (t *Text) between(least, most time.Duration) time.Duration {
	word := t.next()
	d, err := time.ParseDuration(word)
	if err == nil && (d < least || d > most) {
		err = fmt.Errorf("duration %q: outside %v to %v", word, least, most)
	}
	if err != nil {
		t.Fail(err)
	}
	return d
}

// Seed takes the seed of random arrivals.
func (t *Text) Seed() uint64 {
	word := t.next()
	seed, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		t.Fail(fmt.Errorf("%q is not a seed: want a whole number from 0", word))
	}
	return seed
}

// Pacer takes a pacer: all that is left, for kinds that modify another pacer.
func (t *Text) Pacer() Pacer {
	if t.Failed() {
		return nil
	}
	var name string
	if t.More() {
		name = t.next()
	}
	var forms []string
	for _, k := range Kinds() {
		if k.Name() == name {
			p := k.parse(t)
			if t.Failed() && !errors.As(t.err, new(formError)) {
				t.err = formError{fmt.Errorf("%w; want %s, such as: %s", t.err, k.Form, k.Example)}
			}
			return p
		}
		forms = append(forms, k.Form)
	}
	t.Fail(formError{fmt.Errorf("want one of: %s", strings.Join(forms, "; "))})
	return nil
}

// formError is an error that already includes the syntax.
type formError struct{ error }

func (e formError) Unwrap() error { return e.error }

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}

// ParseRate reads "300", "300/s", "90/m", "5/h" or "1/5s" as requests per second.
func ParseRate(text string) (float64, error) {
	number, unit, has := strings.Cut(text, "/")
	per := time.Second
	var err error
	if has {
		if long, known := longUnits[unit]; known {
			unit = long
		}
		if strings.IndexAny(unit, "0123456789") != 0 {
			unit = "1" + unit
		}
		per, err = time.ParseDuration(unit)
	}
	count, err2 := strconv.ParseFloat(number, 64)
	if err != nil || err2 != nil || per <= 0 {
		return 0, fmt.Errorf("rate %q: want a number of requests per second, such as 300 or 300/s, 90/m, 1/5s", text)
	}
	rate := count / per.Seconds()
	if !(rate >= 1e-5 && rate <= 1e8) {
		return 0, fmt.Errorf("rate %q: outside 0.00001/s to 100000000/s", text)
	}
	return rate, nil
}

// longUnits are other names of units of time.
var longUnits = map[string]string{"sec": "s", "second": "s", "min": "m", "minute": "m", "hour": "h"}

// rateText is the inverse of ParseRate.
func rateText(perSecond float64) string {
	return strconv.FormatFloat(perSecond, 'g', -1, 64) + "/s"
}
