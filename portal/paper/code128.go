package paper

import (
	"fmt"
	"strings"
)

// patterns are the widths of bar, space, bar, space, bar, space of each value of Code 128 (ISO/IEC 15417); the last is the stop.
var patterns = strings.Fields(`
	212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 123122 123221 223211 221132
	221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311 211313
	231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111
	314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111
	111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113 411311 113141
	114131 311141 411131 211412 211214 211232 2331112`)

const (
	codeC  = 99
	codeB  = 100
	fnc1   = 102
	startB = 104
	startC = 105
	stop   = 106
)

// code128 returns the bars (true) and spaces of data, a module each, without the quiet zones.
func code128(data string, gs1 bool) ([]bool, error) {
	if data == "" || len(data) > 80 {
		return nil, fmt.Errorf("a barcode holds 1 to 80 characters, not %d", len(data))
	}
	for i := range len(data) {
		if data[i] < ' ' || data[i] > '~' {
			return nil, fmt.Errorf("a barcode cannot hold %q", data[i])
		}
	}
	digits := func(i int) (n int) {
		for i+n < len(data) && data[i+n] >= '0' && data[i+n] <= '9' {
			n++
		}
		return n
	}
	inC := digits(0) >= 4 || digits(0) == len(data) && len(data) == 2
	values := []int{startB}
	if inC {
		values[0] = startC
	}
	if gs1 {
		values = append(values, fnc1)
	}
	for i := 0; i < len(data); {
		n := digits(i)
		switch {
		case inC && n >= 2:
			values = append(values, int(data[i]-'0')*10+int(data[i+1]-'0'))
			i += 2
		case inC:
			values, inC = append(values, codeB), false
		case n >= 4 && n%2 == 0:
			values, inC = append(values, codeC), true
		default:
			values = append(values, int(data[i]-' '))
			i++
		}
	}
	check := values[0]
	for i, v := range values[1:] {
		check += (i + 1) * v
	}
	values = append(values, check%103, stop)
	var modules []bool
	for _, v := range values {
		for i, width := range patterns[v] {
			for range int(width - '0') {
				modules = append(modules, i%2 == 0)
			}
		}
	}
	return modules, nil
}
