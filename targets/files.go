package targets

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Files is the folder that the files named in a mix or a list of targets are read from. They are at
// or below it, wherever its links point: a file from elsewhere must not make this process send files
// of its choice. Empty: there is none.
type Files string

// FilesBeside is the folder of a file.
func FilesBeside(file string) Files { return Files(filepath.Dir(file)) }

// largestBody limits the memory for one body.
const largestBody = 64 << 20

func (dir Files) read(name string) ([]byte, error) {
	if dir == "" {
		return nil, fmt.Errorf("body file %s: a folder to read it from is missing; write the body itself", name)
	}
	f, err := os.OpenInRoot(string(dir), filepath.FromSlash(name))
	if err != nil {
		return nil, fmt.Errorf("body file %s: want a file at or below %s: %w", name, dir, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("body file %s: it is not a regular file", name)
	}
	body, err := io.ReadAll(io.LimitReader(f, largestBody+1))
	if err == nil && len(body) > largestBody {
		err = fmt.Errorf("it is larger than %d MiB", largestBody>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("body file %s: %w", name, err)
	}
	return body, nil
}
