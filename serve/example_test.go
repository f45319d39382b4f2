package serve_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"bench/serve"
)

func Example() {
	folder, err := os.MkdirTemp("", "runs")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	pages, err := serve.New(folder, "127.0.0.1:8200", "a-long-random-text")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pages.Close()
	answer := httptest.NewRecorder()
	pages.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8200/", nil))
	fmt.Println(answer.Code, answer.Body)
	// Output: 403 open the address that bench serve printed, with its token
}
