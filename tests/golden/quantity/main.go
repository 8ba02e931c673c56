// Prints what k8s.io/apimachinery makes of a few hundred quantities, as tab-separated values:
// input, ok or error, canonical string, format, value in nanos.
//
// Run `go run . > quantity.tsv` in this folder after a change; the C++ test reads the file and needs
// no Go. The strings come from CanonicalizeBytes, not String(), which repeats some inputs unchanged.
package main

import (
	"fmt"
	"math/big"
	"math/rand"
	"strings"

	"gopkg.in/inf.v0"
	"k8s.io/apimachinery/pkg/api/resource"
)

var suffixes = []string{
	"", "n", "u", "m", "k", "M", "G", "T", "P", "E",
	"Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
	"e0", "e1", "e2", "e3", "E3", "e+3", "e-3", "E-9", "e-10", "e-12", "e12", "e18", "e19", "e27", "e007", "e-0",
}

var numbers = []string{
	"0", "1", "-1", "+1", "5", "007", "-0", "00", "0.0", "1.5", "-1.5", ".5", "-.5", "5.", "1.000", "1.500",
	"999", "1000", "1023", "1024", "-1024", "1025", "1536", "2048", "1000000", "1048576",
	"0.1", "0.001", "0.0001", "-0.0001", "0.9999999999", "1.0000000001", "-1.0000000001", "0.000000001", "0.0000000001",
	"123456789.123456789", "123456789.1234567891", "9223372036854775806", "9223372036854775807", "-9223372036854775807",
	"9223372036854775808", "-9223372036854775808", "9223372036854775807.1", "99999999999999999999", "18446744073709551616",
}

var malformed = []string{
	"", " ", "1 ", " 1", "1 k", "k", "Ki", "m", "1K", "1ki", "1mi", "1ni", "1B", "1kB", "1KiB", "1e", "1e+", "1e-", "1E+", "1ee3", "1e3m", "1e3.5",
	"1e+-3", "1e--3", "1e-+3", "1e++3", "1e 3", "--1", "++1", "+-1", "-+1", "1-", "1+", "1+5", "1-5", "1.2.3", "..1", "1..", ".e3", "1,5", "1_000",
	"0x10", "0b1", "1h", "1s", "NaN", "nan", "inf", "Inf", "-inf", "1%", "$1", "1i", "1iK", "1Mi3", "1Mi+3", "1kk", "1mm", "1eE3",
	"1\n", "1\u00a0", "\u0661", "\uff11", "1\u00b5", "one", "true", "null", "1e99999999999999999999", "1e9223372036854775808",
	".", "+", "-", "+.", "-.", ".k", "-k", "+Ki", ".Ei", "1e4294967296", "1e4294967299",
}

// 1e-2147483647 is not here: apimachinery computes the power of ten and does not come back.
var large = []string{
	"1e2147483647", "0e2147483647", "1e100", "-1e100", "1e-100", "8Ei", "-8Ei", "7Ei", "7.9999Ei", "8191Pi", "8192Pi", "9E", "10E", "9.3E",
	"9223372036854775807n", "9223372036854775808n", "92233720368547758070n", "1234567890123456789012345678901234567890n",
	"0." + strings.Repeat("0", 60) + "1", "0." + strings.Repeat("9", 60), "1." + strings.Repeat("9", 60) + "Ei",
	"1." + strings.Repeat("0", 60) + "1Mi", strings.Repeat("0", 60) + "1", strings.Repeat("9", 60),
	"0.00000000093132257461547851562500Gi", "0.00000000093132257461547851562501Gi", "0.333333333333333333333333333333Ei",
}

func randomInputs(count int) []string {
	r := rand.New(rand.NewSource(20250901))
	inputs := make([]string, 0, count)
	for len(inputs) < count {
		var b strings.Builder
		b.WriteString([]string{"", "-", "+"}[r.Intn(3)])
		for i := r.Intn(12); i >= 0; i-- {
			b.WriteByte(byte('0' + r.Intn(10)))
		}
		if r.Intn(2) == 0 {
			b.WriteByte('.')
			for i := r.Intn(14); i > 0; i-- {
				b.WriteByte(byte('0' + r.Intn(10)))
			}
		}
		b.WriteString(suffixes[r.Intn(len(suffixes))])
		inputs = append(inputs, b.String())
	}
	return inputs
}

func nanos(q resource.Quantity) string {
	// Beyond this the power of ten would not fit memory; the test knows such rows by the word.
	if scale := q.AsDec().Scale(); scale < -1000 {
		if q.Sign() == 0 {
			return "0"
		}
		return "huge"
	}
	rounded := new(inf.Dec).Round(q.AsDec(), 9, inf.RoundUp)
	return new(big.Int).Set(rounded.UnscaledBig()).String()
}

func row(input string) {
	q, err := resource.ParseQuantity(input)
	if err != nil {
		fmt.Printf("%q\terror\t\t\t\n", input)
		return
	}
	format := q.Format
	number, suffix := []byte("huge"), []byte(nil)
	value := nanos(q.DeepCopy())
	if value != "huge" {
		number, suffix = q.CanonicalizeBytes(nil)
	}
	fmt.Printf("%q\tok\t%s%s\t%s\t%s\n", input, number, suffix, format, value)
}

func main() {
	fmt.Println("# input\tresult\tcanonical\tformat\tnanos (made by main.go from k8s.io/apimachinery; see go.mod)")
	for _, number := range numbers {
		for _, suffix := range suffixes {
			row(number + suffix)
		}
	}
	for _, list := range [][]string{malformed, large, randomInputs(400)} {
		for _, input := range list {
			row(input)
		}
	}
}
