//go:build race

package harness

// raceEnabled says that this program was built with the race detector; then the
// programs that it runs are too.
const raceEnabled = true
