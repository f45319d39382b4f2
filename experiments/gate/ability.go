package gate

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"bench/reports/gate"
)

// Text writes the ability as text.
func (t Ability) Text(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%d pairs of equal versions of %s on %s, %.1f s each; the budget of a gate allows %d\n\n",
		len(t.Samples), t.Scenario, t.Topology, t.PairTaken, t.Most)
	if err := t.gates(&out); err != nil {
		return err
	}
	t.noise(&out)
	t.bias(&out)
	least := fmt.Sprintf("no slowdown of up to %d %% in %s is detected with 90 %% probability", mostSlower, t.Metrics[0])
	if t.Least > 0 {
		least = fmt.Sprintf("on this machine, a slowdown of %.0f %% in %s is detected with 90 %% probability",
			t.Least*100, t.Metrics[0])
	}
	fmt.Fprintf(&out, "\n%s\n", least)
	_, err := io.WriteString(w, out.String())
	return err
}

// gates writes the verdicts of replayed gates.
func (t Ability) gates(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "gates replayed from these pairs\tregression\tlikely\tpass\tinconclusive\tmedian pairs")
	row := func(name string, g gate.Shares) {
		fmt.Fprintf(w, "%s\t%.2f %%\t%.2f %%\t%.1f %%\t%.1f %%\t%.0f\n",
			name, g.Regression*100, g.Likely*100, g.Pass*100, g.Inconclusive*100, g.Pairs)
	}
	row("equal versions (false alarms)", t.Equal)
	for _, d := range t.Slower {
		row(fmt.Sprintf("+%.0f %% %s, calculated", d.Slower*100, t.Metrics[0]), d.Gates)
	}
	for _, i := range t.Injected {
		row(i.Name+", measured", i.Gates)
	}
	return w.Flush()
}

func (t Ability) noise(out io.Writer) {
	fmt.Fprintln(out, "\nnoise of a pair (standard deviation of the ratio):")
	for _, name := range t.Metrics {
		fmt.Fprintf(out, "  %s %.1f %%; measuring base first and then head would make the interval %.1f times as wide\n",
			name, t.Spread[name]*100, t.Wider[name])
	}
	for _, i := range t.Injected {
		attribution := "no attribution"
		if i.Attribution != nil {
			attribution = i.Attribution.String()
		}
		fmt.Fprintf(out, "%s: %s over all pairs; %s\n", i.Name, i.Report, attribution)
	}
}

func (t Ability) bias(out io.Writer) {
	fmt.Fprintln(out, "\ndifference between two equal versions, over all pairs (95 % CI):")
	for _, r := range t.Ratios {
		fmt.Fprintf(out, "  %s %+.1f %% [%+.1f, %+.1f]", r.Metric, (r.Ratio-1)*100, (r.Low-1)*100, (r.High-1)*100)
		if r.biased() {
			fmt.Fprint(out, ": excludes 0, as one in twenty such intervals does by chance")
		}
		fmt.Fprintln(out)
	}
}
