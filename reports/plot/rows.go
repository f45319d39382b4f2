package plot

import (
	"math"
)

// Row is a line of a figure of intervals or of stacks that is laid out as rows: a name, marks on an axis
// and a value. Places on the axis go from 0, its beginning, to 1.
type Row struct {
	Name  string
	Group int
	Point         // in the unit of the axis; of a stack, X is its sum
	At    float64 // of the estimate
	From  float64 // ends of the interval
	To    float64
	Parts []RowPart
	Bar   *RowPart // of a waterfall: the step
}

// RowPart is a part of a stacked row.
type RowPart struct {
	Name     string
	Group    int
	Value    float64
	From, To float64
}

// Width is the part's share of the axis.
func (p RowPart) Width() float64 { return p.To - p.From }

// Mark is a labelled place on the axis of rows.
type Mark struct {
	At    float64
	Label string
}

// Rows are a figure's rows from the top, and the marks of the axis that they share; none if the figure is
// of a kind that is not laid out as rows.
func (f Figure) Rows() ([]Row, []Mark) {
	switch f.Kind {
	case kindIntervals:
		return f.intervalRows()
	case kindStacks:
		return f.stackRows(), nil
	case kindWaterfall:
		return f.fallRows()
	}
	return nil, nil
}

func (f Figure) intervalRows() ([]Row, []Mark) {
	s := f.intervalScale()
	rows := make([]Row, len(f.Y.Names))
	for i, name := range f.Y.Names {
		rows[i].Name = name
	}
	for _, series := range f.Series {
		for _, p := range series.Points {
			i := int(p.Y)
			if i < 0 || i >= len(rows) {
				continue
			}
			rows[i] = Row{
				Name: rows[i].Name, Group: series.Group, Point: p, At: s.place(p.X), From: s.place(p.Low), To: s.place(p.High),
			}
		}
	}
	var marks []Mark
	for _, tick := range s.ticks() {
		marks = append(marks, Mark{s.place(tick.Value), tick.Label})
	}
	return rows, marks
}

func (f Figure) stackRows() []Row {
	rows := make([]Row, len(f.X.Names))
	for i, name := range f.X.Names {
		rows[i].Name = name
	}
	highest := 0.0
	for i := range rows {
		for _, s := range f.Series {
			if i < len(s.Points) && s.Points[i].Y > 0 {
				rows[i].Parts = append(rows[i].Parts, RowPart{Name: s.Name, Group: s.Group, Value: s.Points[i].Y})
				rows[i].X += s.Points[i].Y
			}
		}
		highest = max(highest, rows[i].X)
	}
	for i := range rows {
		at := 0.0
		for j := range rows[i].Parts {
			part := &rows[i].Parts[j]
			part.From, part.To = at/highest, (at+part.Value)/highest
			at += part.Value
		}
		rows[i].To = at / max(highest, math.SmallestNonzeroFloat64)
	}
	return rows
}
