package chromium

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"strings"
	"testing"
)

//go:embed testdata/axe/SOURCE
var source string

func TestAxeIsWhatItsSourceSays(t *testing.T) {
	sum := sha256.Sum256([]byte(Axe))
	if !strings.Contains(source, hex.EncodeToString(sum[:])+"  axe.min.js") {
		t.Errorf("axe.min.js has the hash %x, which is not in\n%s", sum, source)
	}
}

// A page with barriers, a request and an error is found out: checks that find nothing are no checks.
func TestWhatIsWrongWithAPageIsFound(t *testing.T) {
	t.Parallel()
	page := Start(t).Open("data:text/html,"+url.PathEscape(`<html><body style="width:2000px">
		<img src="http://127.0.0.1:1/x"><input>
		<p style="color:#eee;background:#fff">pale</p><script>undefined.x</script></body></html>`),
		Look{Width: 390, Height: 844})
	barriers := strings.Join(page.Barriers(), "\n")
	for _, rule := range []string{"image-alt", "label", "color-contrast", "html-has-lang"} {
		if !strings.Contains(barriers, rule+":") {
			t.Errorf("axe does not find %s among\n%s", rule, barriers)
		}
	}
	if page.Sideways() == 0 || len(page.Requests) != 1 || len(page.Faults) == 0 {
		t.Errorf("wider by %v, requests %v, faults %v", page.Sideways(), page.Requests, page.Faults)
	}
}

// A small picture has few colours, and each pixel the nearest of them.
func TestASmallPictureLooksTheSame(t *testing.T) {
	t.Parallel()
	from := image.NewRGBA(image.Rect(0, 0, 100, 100))
	for i := range 100 * 100 {
		shade := uint8(0)
		if i%100 > 50 {
			shade = uint8(i % 100 * 2)
		}
		from.SetRGBA(i%100, i/100, color.RGBA{shade, shade, shade, 0xff})
	}
	var large bytes.Buffer
	if err := png.Encode(&large, from); err != nil {
		t.Fatal(err)
	}
	small, err := Small(large.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	to, err := png.Decode(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	if palette, is := to.ColorModel().(color.Palette); !is || len(palette) > colours {
		t.Errorf("%d colours", len(palette))
	}
	for x := range 100 {
		want, _, _, _ := from.At(x, 7).RGBA()
		if got, _, _, _ := to.At(x, 7).RGBA(); max(got, want)-min(got, want) > 4<<8 {
			t.Errorf("at %d the shade is %d; want %d", x, got>>8, want>>8)
		}
	}
	if _, err := Small([]byte("no picture")); err == nil {
		t.Error("what is no picture is made smaller")
	}
}
