package results

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bench/internal/secret"

	"golang.org/x/sys/unix"
)

// HistorySchema is the version of the history's lines.
const HistorySchema = "bench.history/2"

// HistoryFile is the history's name in the folder of the run directories.
const HistoryFile = "history.jsonl"

// Entry is one finished run in the history, which contains all runs, including bad ones. A
// history without failures hides the noise that its thresholds are derived from.
type Entry struct {
	Schema      string             `json:"schema"`
	At          time.Time          `json:"at"`
	Command     string             `json:"command"`
	App         string             `json:"app"`
	Commit      string             `json:"commit,omitempty"`
	Base        string             `json:"base,omitempty"` // of a gate
	Topology    string             `json:"topology"`
	Scenario    string             `json:"scenario"`
	Verdict     string             `json:"verdict,omitempty"`
	Grade       string             `json:"grade,omitempty"`
	Metrics     map[string]float64 `json:"metrics"`          // of head, or of the topology
	Ratios      map[string]float64 `json:"ratios,omitempty"` // costs, against the base
	Environment Environment        `json:"environment"`
	Fingerprint string             `json:"fingerprint"` // of the environment: only equal ones may be compared
	Run         string             `json:"run"`         // name of the run directory
}

// Environment is what a figure depends on other than the app.
type Environment struct {
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	Kernel  string `json:"kernel"`
	Python  string `json:"python"`
	Django  string `json:"django"`
	Server  string `json:"server"` // the servers and proxies, with their versions
	Profile string `json:"profile"`
	Method  string `json:"method,omitempty"` // of a gate
	// Load is a hash of the targets, with their methods, paths and weights: a mix may change and
	// keep its name.
	Load string `json:"load,omitempty"`
}

// gateMethod changes with how a gate measures: figures of different methods are not compared.
const gateMethod = "pairs 2"

// serverVersions lists the servers among the tools: all but the app's interpreter and framework,
// and bench. It is sorted from Z to A, as in the entries of older histories.
func serverVersions(tools map[string]string) string {
	var parts []string
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(tools))) {
		if name != "python" && name != "django" && name != "bench" {
			parts = append(parts, name+" "+tools[name])
		}
	}
	return strings.Join(parts, " ")
}

// NewEntry starts an entry from a manifest.
func NewEntry(m Manifest, run string) Entry {
	e := Entry{
		Schema: HistorySchema, At: m.Started, Command: m.Kind, App: m.App.Name, Commit: m.App.Commit, Run: filepath.Base(run),
		Environment: Environment{
			CPU: m.Host.CPU, Cores: m.Host.Cores, Kernel: m.Host.Kernel, Python: m.Tools["python"], Django: m.Tools["django"],
			Server: serverVersions(m.Tools), Profile: m.Profile,
		},
		Metrics: map[string]float64{},
	}
	if len(m.Scenarios) > 0 {
		e.Scenario = m.Scenarios[0].Name
	}
	if asked, err := json.Marshal(m.Scenarios); err == nil {
		sum := sha256.Sum256(asked)
		e.Environment.Load = hex.EncodeToString(sum[:4])
	}
	if m.Kind == KindGate {
		e.Environment.Method = gateMethod
	}
	e.Fingerprint = e.Environment.fingerprint()
	return e
}

func (e Environment) fingerprint() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", e))
	return hex.EncodeToString(sum[:6])
}

// AppendHistory adds entries to the history of a folder. Several bench processes may do so at
// once: each waits for the file's lock and writes whole lines.
func AppendHistory(root string, entries []Entry) error {
	var text strings.Builder
	out := json.NewEncoder(&text)
	for _, e := range entries {
		if err := out.Encode(e); err != nil {
			return fmt.Errorf("writing the history: %w", err)
		}
	}
	return Folder(root).within(HistoryFile, func(dir *os.Root) error {
		f, err := openRegular(dir, HistoryFile, os.O_RDWR|os.O_APPEND|os.O_CREATE)
		if err == nil {
			err = errors.Join(appendLines(f, text.String()), f.Close())
		}
		if err != nil {
			return fmt.Errorf("writing the history: %w", err)
		}
		return nil
	})
}

// appendLines adds whole lines to a file that others may write to as well.
func appendLines(f *os.File, text string) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("locking it: %w", err)
	}
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		// A truncated line, after a full disk for example, must not spoil the next one.
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			text = "\n" + text
		}
	}
	if _, err := f.Write(secret.JSON([]byte(text))); err != nil {
		return err
	}
	return f.Sync()
}

// upgrade converts an entry of an older version to this one; false: its version is unknown.
func (e *Entry) upgrade() bool {
	if e.Schema == "bench.history/1" {
		for _, figures := range []map[string]float64{e.Metrics, e.Ratios} {
			if v, has := figures["max_rate"]; has {
				figures["max_throughput"] = v
				delete(figures, "max_rate")
			}
		}
		e.Schema = HistorySchema
	}
	return e.Schema == HistorySchema
}

// longestLine is the length beyond which a line of the history cannot be an entry.
const longestLine = 1 << 20

// ReadHistory reads the history of a folder. Malformed lines, however long, are counted and not fatal:
// one bad line must not lose all others.
func ReadHistory(root string) (entries []Entry, bad int, err error) {
	err = Folder(root).within(HistoryFile, func(dir *os.Root) error {
		f, err := openRegular(dir, HistoryFile, os.O_RDONLY)
		if err != nil {
			return err
		}
		entries, bad, err = readEntries(f)
		return errors.Join(err, f.Close())
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading the history: %w", err)
	}
	return entries, bad, nil
}

func readEntries(r io.Reader) (entries []Entry, bad int, err error) {
	in := bufio.NewReader(r)
	for {
		line, whole, err := boundedLine(in)
		if text := bytes.TrimSpace(line); len(text) > 0 {
			var e Entry
			if whole && json.Unmarshal(text, &e) == nil && e.upgrade() {
				entries = append(entries, e)
			} else {
				bad++
			}
		}
		if err == io.EOF {
			return entries, bad, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

// boundedLine reads a line and reports whether it is shorter than longestLine; of a longer one, the rest is
// skipped.
func boundedLine(in *bufio.Reader) (line []byte, whole bool, err error) {
	for whole = true; ; {
		part, err := in.ReadSlice('\n')
		if whole = whole && len(line)+len(part) <= longestLine; whole {
			line = append(line, part...)
		}
		if err != bufio.ErrBufferFull {
			return line, whole, err
		}
	}
}
