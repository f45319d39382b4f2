package plot

import (
	"fmt"
	"slices"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// Numbered are the different labels of a figure's rules in order, and for each rule the number of its own,
// from 1. A figure writes the numbers at its lines and the labels apart: beside the lines there is no room.
func (f Figure) Numbered() (labels []string, numbers []int) {
	for _, r := range f.Rules {
		i := slices.Index(labels, r.Label)
		if i < 0 {
			i = len(labels)
			labels = append(labels, r.Label)
		}
		numbers = append(numbers, i+1)
	}
	return labels, numbers
}

// mostRules is the number of labels that a legend has room for.
const mostRules = 12

// rules draws what happened at places of the X axis. The axes must be known.
func (d *drawing) rules() error {
	labels, numbers := d.Numbered()
	listed := 0
	for i, r := range d.Rules {
		if r.X < d.plot.X.Min || r.X > d.plot.X.Max {
			continue
		}
		top := plotter.XY{X: r.X, Y: d.plot.Y.Max}
		line, err := d.rule(plotter.XY{X: r.X, Y: d.plot.Y.Min}, top, 0.8, true)
		if err != nil {
			return err
		}
		label, err := plotter.NewLabels(plotter.XYLabels{
			XYs: plotter.XYs{top}, Labels: []string{fmt.Sprint(numbers[i])},
		})
		if err != nil {
			return err
		}
		label.TextStyle[0].Font.Variant, label.TextStyle[0].Font.Size = "Sans", labelSize
		label.Offset = vg.Point{X: vg.Points(2), Y: -labelSize}
		d.plot.Add(label)
		if numbers[i] > listed && listed < mostRules {
			listed = numbers[i]
			d.key(fmt.Sprintf("%d %s", listed, labels[listed-1]), line)
		}
	}
	return nil
}
