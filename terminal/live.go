package terminal

import (
	"io"
	"os"
	"time"

	"bench/experiments"
	"bench/internal/inert"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// Live is a view that fills the terminal's second screen. When it is closed, the first one is there again
// as it was, and lines that have to stay are printed on it.
//
// Note: it reads no keys and leaves the terminal's mode alone, so that Ctrl-C is a signal as ever. A view
// below what was printed before would keep that in sight, but a terminal that becomes narrower breaks its
// lines anew, and leaves their halves behind.
type Live struct {
	to      *os.File
	env     []string
	clean   func(string) string
	program *tea.Program
	ended   chan struct{}
	stay    []string // lines to print when the view is closed
}

// NewLive is a view on a terminal. The environment says what the terminal can do, NO_COLOR among it;
// clean takes out of a text what nobody should see.
func NewLive(to *os.File, env []string, clean func(string) string) *Live {
	return &Live{to: to, env: env, clean: clean}
}

// The view is drawn anew at most this often, however many events there are: see TestTheViewCostsLittle.
const (
	framesPerSecond = 2
	redrawn         = time.Second / framesPerSecond
)

// Show is part of View. The first event opens the view.
func (l *Live) Show(event experiments.Event) {
	if l.program == nil {
		l.open()
	}
	if text := staying(event); text != "" {
		l.stay = append(l.stay, "bench: "+inert.Line(l.clean(text)))
	}
	l.program.Send(happened{event, time.Now()})
}

func (l *Live) open() {
	l.program = tea.NewProgram(model{state: NewState(time.Now()), clean: l.clean, now: time.Now()}, tea.WithOutput(l.to),
		tea.WithEnvironment(l.env), tea.WithInput(nil), tea.WithoutSignalHandler(), tea.WithFPS(framesPerSecond))
	l.ended = make(chan struct{})
	go func() {
		defer close(l.ended)
		_, _ = l.program.Run() // a view that cannot be drawn takes nothing from the run
	}()
}

// Close is part of View.
func (l *Live) Close() {
	if l.program == nil {
		return
	}
	l.program.Send(closing{})
	<-l.ended
	for _, text := range l.stay {
		_, _ = io.WriteString(l.to, text+"\n")
	}
	l.program, l.stay = nil, nil
}

// Restore takes a terminal back to its first screen and shows its cursor, for a program that ends without
// closing its view.
func Restore(to io.Writer) {
	_, _ = io.WriteString(to, ansi.ResetModeAltScreenSaveCursor+ansi.SetModeTextCursorEnable)
}

// happened is an event and when it happened.
type happened struct {
	event experiments.Event
	at    time.Time
}

type (
	closing struct{}
	tick    time.Time
)

// model is the state as bubbletea wants it.
type model struct {
	state         State
	clean         func(string) string
	width, height int
	now           time.Time
	news          bool   // since it was drawn
	drawn         string // what the terminal shows
}

// draw draws the state as it is now.
func (m model) draw() model {
	if m.news = false; m.width > 0 {
		m.drawn = m.clean(m.state.Draw(m.width, m.height, m.now))
	}
	return m
}

func ticking() tea.Cmd { return tea.Tick(redrawn, func(t time.Time) tea.Msg { return tick(t) }) }

// Init is part of tea.Model.
func (m model) Init() tea.Cmd { return ticking() }

// Update is part of tea.Model.
func (m model) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch is := message.(type) {
	case happened:
		m.state.Apply(is.event, is.at)
		m.news = true
	case tea.WindowSizeMsg:
		m.width, m.height = is.Width, is.Height
		return m.draw(), nil
	case tick:
		second := m.now.Unix()
		if m.now = time.Time(is); m.news || m.now.Unix() != second {
			m = m.draw()
		}
		return m, ticking()
	case closing:
		return m, tea.Quit
	}
	return m, nil
}

// View is part of tea.Model.
func (m model) View() tea.View {
	v := tea.NewView(m.drawn)
	v.AltScreen, v.DisableBracketedPasteMode = true, true
	return v
}
