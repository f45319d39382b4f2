package results

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// HistogramHeader begins a histogram of HdrHistogram's V2 format.
type HistogramHeader struct {
	Cookie, PayloadBytes, Offset, Digits int32
	Lowest, Highest                      int64
	Ratio                                float64
}

// CheckHistogram reads as much of a base64 V2 compressed histogram as is needed before a decoder may see it:
// a valid header of another geometry makes the decoder allocate whatever it asks for, and a few compressed
// bytes can become gigabytes. Counts is the number of counts of a header's geometry, or why it is refused.
func CheckHistogram(encoded []byte, counts func(HistogramHeader) (int64, error)) error {
	raw, err := base64.StdEncoding.DecodeString(string(encoded))
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	if len(raw) < 8 {
		return errors.New("histogram: truncated within its header")
	}
	inflated, err := inflater(bytes.NewReader(raw[8:]))
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	defer inflaters.Put(inflated)
	var header HistogramHeader
	if err := binary.Read(inflated, binary.BigEndian, &header); err != nil {
		return fmt.Errorf("histogram: reading its header: %w", err)
	}
	n, err := counts(header)
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	most := 9 * n // bytes, at most, encode a count
	if read, err := io.Copy(io.Discard, io.LimitReader(inflated, most+1)); err != nil || read > most {
		return fmt.Errorf("histogram: its counts do not fit its header (%d bytes, %v)", read, err)
	}
	return nil
}

// inflaters are there to be used again: to make one costs more than to read a histogram with it.
var inflaters sync.Pool

func inflater(packed io.Reader) (io.Reader, error) {
	if used, is := inflaters.Get().(zlib.Resetter); is {
		return used.(io.Reader), used.Reset(packed, nil)
	}
	return zlib.NewReader(packed)
}
