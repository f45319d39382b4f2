package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path"

	"bench/internal/inert"
	"bench/internal/secret"
	"bench/reports/plot"
	"bench/results"
)

// formats is the table of the files that make up every run's report.
var formats = []format{
	{"report.json", JSON},
	{"report.md", Markdown},
	{"report.txt", Text},
	{"report.html", HTML},
}

// format is a file of a report and the function that writes it.
type format struct {
	file  string
	write func(io.Writer, Document) error
}

// JSON writes the document's data, with the number of its diagnostics and its figures as the last keys.
func JSON(w io.Writer, d Document) error {
	data, err := json.Marshal(d.Data)
	if err != nil {
		return fmt.Errorf("writing the report as JSON: %w", err)
	}
	added, err := json.Marshal(struct {
		Counts  results.Tally `json:"diagnostic_counts"`
		Figures []plot.Figure `json:"figures"`
	}{results.Count(d.diagnostics()), d.Figures()})
	if err != nil {
		return fmt.Errorf("writing the report's figures as JSON: %w", err)
	}
	if len(data) < 3 || data[0] != '{' {
		return fmt.Errorf("writing the report as JSON: the data of kind %s is not an object with keys", d.Kind)
	}
	data = append(append(data[:len(data)-1], ','), added[1:]...)
	var out bytes.Buffer
	if err := json.Indent(&out, inert.JSON(secret.JSON(data)), "", "  "); err != nil {
		return fmt.Errorf("writing the report as JSON: %w", err)
	}
	_, err = w.Write(append(out.Bytes(), '\n'))
	return err
}

// Render is a document in every format of the table, with the kind's own files.
func Render(d Document) (files []File, err error) {
	for _, f := range formats {
		var out bytes.Buffer
		if err := f.write(&out, d); err != nil {
			return nil, err
		}
		files = append(files, File{f.file, out.Bytes()})
	}
	return append(files, d.Files...), nil
}

// WriteAll writes a document into a run directory, in all its files and with the figures in plots/. Each
// file appears whole.
func WriteAll(dir string, d Document) error {
	files, err := Render(d)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := results.WriteInto(dir, f.Name, f.Data); err != nil {
			return err
		}
	}
	return writeFigures(dir, d.Figures())
}

// writeFigures writes figures into the folder plots of a run directory, each as SVG and as PNG.
func writeFigures(dir string, figures []plot.Figure) error {
	for _, f := range figures {
		for ending, draw := range map[string]func(plot.Figure) ([]byte, error){".svg": plot.SVG, ".png": plot.PNG} {
			data, err := draw(f)
			if err != nil {
				return err
			}
			if err := results.WriteInto(dir, path.Join("plots", f.Name+ending), data); err != nil {
				return err
			}
		}
	}
	return nil
}
