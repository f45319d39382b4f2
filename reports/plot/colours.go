package plot

import (
	"image/color"
	"strconv"
)

// Colour is a colour on a light and on a dark ground, each as #rrggbb.
type Colour struct{ Light, Dark string }

// Arms are the colours of what a report compares: a topology, a version or a configuration has the same
// one in every figure. They are by Okabe and Ito, whose colours can be told apart with any colour vision
// (Color Universal Design, 2008), darkened until they have a contrast of 3:1 to the page. Shapes and
// labels distinguish the series as well.
var Arms = []Colour{
	{"#d55e00", "#f08a4b"}, {"#0072b2", "#56b4e9"}, {"#00855f", "#3fc79a"}, {"#b0578f", "#dd94c2"},
	{"#96700a", "#e2b53c"}, {"#3d86b8", "#9ad0f0"}, {"#4a4a4a", "#c8c8c8"},
}

// Tiers are the colours of the parts of a bar: an app, a server, a proxy.
var Tiers = []Colour{
	{"#44607a", "#8fabc6"}, {"#8a9199", "#6d757e"}, {"#4da3c9", "#5fc3e8"}, {"#b9a06a", "#c9b37c"}, {"#7d6b91", "#a693bd"},
}

// Outcomes are the colours of what a step is shown to do, in the order of the effects of a waterfall: a value
// as it was measured, a gain, a loss, and no measurable effect.
var Outcomes = []Colour{
	{"#5b6470", "#9aa5b1"}, {"#1b8a5a", "#4fc48c"}, {"#c2452d", "#f0826b"}, {"#a9b1ba", "#5d6670"},
}

// of is the colour of a group on a light ground; groups beyond the last colour begin again.
func of(colours []Colour, group int) color.RGBA {
	text := colours[group%len(colours)].Light
	rgb, _ := strconv.ParseUint(text[1:], 16, 32) // a constant of the tables above
	return color.RGBA{byte(rgb >> 16), byte(rgb >> 8), byte(rgb), 0xff}
}
