package model

import (
	"math"
	"math/rand/v2"
	"slices"

	"bench/stats"
)

// ErlangC is the probability that an arrival has to wait in an M/M/c queue, under an offered load in
// Erlangs (Erlang 1917; by the recursion for Erlang's B). It is 1 at and beyond saturation.
func ErlangC(load float64, c int) float64 {
	if load >= float64(c) {
		return 1
	}
	b := 1.0
	for k := 1; k <= c; k++ {
		b = load * b / (float64(k) + load*b)
	}
	rho := load / float64(c)
	return b / (1 - rho*(1-b))
}

// USL is the Universal Scalability Law, X(N) = γN / (1 + σ(N−1) + κN(N−1)) (Gunther,
// Guerrilla Capacity Planning, 2007). It diagnoses how far from linear the scaling is, and whether it is
// retrograde. It is not used for predictions.
type USL struct {
	Gamma stats.Interval `json:"gamma"` // capacity at N = 1
	Sigma stats.Interval `json:"sigma"` // contention
	Kappa stats.Interval `json:"kappa"` // coherence: above 0, more workers carry less beyond some N
}

// USLPoint is the measured capacity of one configuration.
type USLPoint struct{ N, Low, High float64 }

// byDrawing is the method of the law's intervals.
const byDrawing = "least squares; the interval from fits to capacities drawn from the measured intervals"

// fewestUSL is the number of points that a fit of three coefficients needs.
const fewestUSL = 3

// FitUSL fits the law with σ, κ ≥ 0 by least squares of relative errors. The intervals come from fits to
// capacities drawn from the intervals of the points.
func FitUSL(points []USLPoint, seed uint64) (USL, bool) {
	if len(points) < fewestUSL {
		return USL{}, false
	}
	middle := make([]float64, len(points))
	for i, p := range points {
		middle[i] = math.Sqrt(p.Low * p.High)
	}
	best := fitUSL(points, middle)
	random := rand.New(rand.NewPCG(seed, 0))
	const draws = 400
	var all [3][]float64
	for range draws {
		drawn := make([]float64, len(points))
		for i, p := range points {
			// The points have 90 % intervals: ±1.645 standard deviations.
			drawn[i] = middle[i] * math.Exp(random.NormFloat64()*math.Log(p.High/p.Low)/2/1.645)
		}
		for i, v := range fitUSL(points, drawn) {
			all[i] = append(all[i], v)
		}
	}
	interval := func(i int) stats.Interval {
		slices.Sort(all[i])
		return stats.Interval{
			Value: best[i], Low: all[i][draws/20], High: all[i][draws-1-draws/20],
			Confidence: confidence, Method: byDrawing, N: len(points),
		}
	}
	return USL{interval(0), interval(1), interval(2)}, true
}

// fitUSL is a linear fit of N/X = 1/γ + (σ/γ)(N−1) + (κ/γ)N(N−1), with weights that make the errors
// relative. The bounds at zero leave four candidates: neither, one, the other or both at zero.
func fitUSL(points []USLPoint, rates []float64) [3]float64 {
	best, least := [3]float64{}, math.Inf(1)
	for _, use := range [][]int{{0}, {0, 1}, {0, 2}, {0, 1, 2}} {
		rows := make([][]float64, len(points))
		target := make([]float64, len(points))
		for i, p := range points {
			y := p.N / rates[i]
			full := []float64{1, p.N - 1, p.N * (p.N - 1)}
			for _, u := range use {
				rows[i] = append(rows[i], full[u]/y)
			}
			target[i] = 1
		}
		solved, ok := leastSquares(rows, target)
		if !ok || slices.Min(solved) < 0 || solved[0] <= 0 {
			continue
		}
		var squares float64
		for i := range rows {
			d := -1.0
			for j := range solved {
				d += rows[i][j] * solved[j]
			}
			squares += d * d
		}
		if squares < least {
			least = squares
			best = [3]float64{1 / solved[0], 0, 0}
			for j, u := range use[1:] {
				best[u] = solved[j+1] / solved[0]
			}
		}
	}
	return best
}

// leastSquares solves the normal equations, for at most three unknowns, by elimination.
func leastSquares(rows [][]float64, target []float64) ([]float64, bool) {
	n := len(rows[0])
	a := make([][]float64, n)
	for i := range a {
		a[i] = make([]float64, n+1)
		for r := range rows {
			for j := range n {
				a[i][j] += rows[r][i] * rows[r][j]
			}
			a[i][n] += rows[r][i] * target[r]
		}
	}
	for i := range n {
		pivot := i
		for r := i + 1; r < n; r++ {
			if math.Abs(a[r][i]) > math.Abs(a[pivot][i]) {
				pivot = r
			}
		}
		a[i], a[pivot] = a[pivot], a[i]
		if math.Abs(a[i][i]) < 1e-12 {
			return nil, false
		}
		for r := range n {
			if r == i {
				continue
			}
			f := a[r][i] / a[i][i]
			for c := i; c <= n; c++ {
				a[r][c] -= f * a[i][c]
			}
		}
	}
	solved := make([]float64, n)
	for i := range n {
		solved[i] = a[i][n] / a[i][i]
	}
	return solved, true
}
