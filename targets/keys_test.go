package targets

import (
	"os"
	"reflect"
	"regexp"
	"testing"
)

// Every key of app: is in docs/OWN-APP.md.
func TestEveryKeyOfAnAppIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/OWN-APP.md")
	if err != nil {
		t.Fatal(err)
	}
	app := reflect.TypeFor[appFile]()
	for i := range app.NumField() {
		key := app.Field(i).Tag.Get("yaml")
		if !regexp.MustCompile("(?m)(^ *|# |`)" + key + ":").Match(text) {
			t.Errorf("docs/OWN-APP.md does not name the key %s", key)
		}
	}
}
