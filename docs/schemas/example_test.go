package schemas_test

import (
	"fmt"

	"bench/docs/schemas"
)

func Example() {
	fmt.Println(len(schemas.All()["bench.load/2"]) > 0)
	// Output: true
}
