package results

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The forms inside a cell's files hide behind others: a histogram is a payload, packed, in base64, in a
// field of a line. A fuzzer of whole files hardly gets through; these begin at the inner form.

// encoded is a histogram in the form of an interval log, with the given header and counts, which need
// not make sense.
func encoded(digits, lowest, highest int64, counts []byte) []byte {
	var payload bytes.Buffer
	for _, field := range []any{
		int32(0x1c849303 | 0x10), int32(len(counts)), int32(0), int32(digits), lowest, highest, float64(1),
	} {
		_ = binary.Write(&payload, binary.BigEndian, field)
	}
	payload.Write(counts)
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = w.Write(payload.Bytes())
	_ = w.Close()
	out := binary.BigEndian.AppendUint32(nil, 0x1c849304|0x10)
	out = binary.BigEndian.AppendUint32(out, uint32(packed.Len()))
	return []byte(base64.StdEncoding.EncodeToString(append(out, packed.Bytes()...)))
}

// A histogram that is read has this project's geometry, and counts that add up; nothing panics, and no
// header makes the reader take memory that the counts do not.
func FuzzDecodeHistogram(f *testing.F) {
	f.Add(int64(SignificantDigits), int64(LowestMicros), int64(HighestMicros), []byte{1, 2, 0x80, 1, 4})
	f.Add(int64(3), int64(1), int64(1)<<62, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add(int64(5), int64(0), int64(-1), []byte{0x7f})
	f.Fuzz(func(t *testing.T, digits, lowest, highest int64, counts []byte) {
		h, err := decodeHistogram(encoded(digits, lowest, highest, counts))
		if err != nil {
			return
		}
		var sum int64
		h.ForEachBucket(func(value, count int64) bool {
			if value < 0 || value > HighestMicros || count <= 0 {
				t.Fatalf("a count of %d at %d", count, value)
			}
			sum += count
			return sum >= 0
		})
		if sum != h.TotalCount() {
			t.Fatalf("the counts add up to %d, the total is %d", sum, h.TotalCount())
		}
		again, err := EncodeHlog([]Interval{{Length: 1e9, Hists: map[Series]*Packed{{Response, "a"}: h}}})
		if err != nil || len(again) == 0 {
			t.Fatalf("a histogram was read that cannot be written: %v", err)
		}
	})
}

// A cell whose figures are any, and whose histograms are what they can be, is refused, or can be written
// and read again as the same cell.
func FuzzCellFigures(f *testing.F) {
	f.Add(uint64(3), uint64(1), uint64(0), uint64(2), 1.0, 1.5, []byte{1, 2, 3}, "home")
	f.Add(^uint64(0), uint64(1), ^uint64(0), uint64(0), 1e-300, -1.0, []byte{0xff, 1}, "a;b,c\n\"")
	f.Fuzz(func(t *testing.T, ok, failed, dropped, late uint64, duration, elapsed float64, counts []byte, target string) {
		c := sampleCell()
		c.Duration, c.Elapsed = duration, elapsed
		c.Counts = Counts{Intended: ok + failed + dropped, Sent: ok + failed, OK: ok, HTTPError: failed, Dropped: dropped}
		c.Intervals = []Interval{{Length: 1e9, Counts: c.Counts, Hists: map[Series]*Packed{}}}
		if h, err := decodeHistogram(encoded(SignificantDigits, LowestMicros, HighestMicros, counts)); err == nil {
			c.Intervals[0].Hists[Series{Response, target}] = h
		}
		_ = c.impossible() // says so, and does not panic
		files, err := cellFiles(c)
		if err != nil {
			return
		}
		again, err := decodeCell(files)
		if err != nil {
			return
		}
		if again.Counts != c.Counts || len(again.Intervals) != len(c.Intervals) {
			t.Fatalf("%+v became %+v", c.Counts, again.Counts)
		}
	})
}

// A manifest of any schema is refused, or can be written and read again.
func FuzzDecodeManifest(f *testing.F) {
	files, err := filepath.Glob("testdata/*/manifest.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"schema": "` + RunSchema + `", "kind": "compare", "status": "COMPLETE", "blocks": 3}`))
	f.Add([]byte(`{"schema": "` + runSchema1 + `", "kind": "gate", "elapsed_s": 1e300}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, schema, err := decodeManifest(data)
		if err != nil {
			return
		}
		if !strings.HasPrefix(schema, "bench.run/") {
			t.Fatalf("schema %q was read", schema)
		}
		m.Schema = RunSchema
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatalf("a manifest was read that cannot be written: %v", err)
		}
		if _, _, err := decodeManifest(text); err != nil {
			t.Fatalf("a manifest was written that cannot be read: %v", err)
		}
	})
}
