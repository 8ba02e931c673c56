// Prints the JSON that kubectl makes of plain YAML scalars, as tab-separated values: scalar, JSON.
//
// kubectl turns manifests into JSON with sigs.k8s.io/yaml. Run `go run . > scalars.tsv` in this
// folder after a change; the C++ test reads the file and needs no Go.
package main

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

var scalars = []string{
	"true", "True", "TRUE", "tRUE", "false", "False", "FALSE", "yes", "Yes", "YES", "yEs", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "oFF",
	"y", "Y", "n", "N", "null", "Null", "NULL", "nULL", "~", "", "nil", "none", "Recommend", "Scale", "Auto", "scale target", "a,b", "-a", "--", "+", "-", ".", "..", "+.", "x y",
	"0", "-0", "+0", "1", "-1", "+1", "00", "007", "-007", "08", "09.5", "0x10", "0X10", "-0x10", "0o17", "0b101", "-0b101", "1_000", "1_000.5", "_1", "1_", "0_", "1__0", "0x", "0xg", "1:30", "12:30:45",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "100000000000000000000", "1000000000000000000000000",
	"1.0", "1.", ".5", "-.5", "+.5", "-0.0", "0.1", "1.3", "1.50", "1e3", "1E3", "1e+3", "1e-3", "1.5e3", "1.5e300", "1e21", "1e20", "123456789012345678", "123456789012345678.0", "9007199254740993.0", "1e400", "-1e400", "1e-400", "1e", "1e+", "e1", "1.2.3", "1.e3", ".e3",
	"500m", "1Gi", "60s", "5m", "10%", "3 EUR", "2.95 ", "1 2",
	".inf", ".Inf", ".INF", "-.inf", "+.inf", ".nan", ".NaN", ".NAN", "inf", "nan", "NaN", "Infinity",
	"2001-01-01", "2001-01-01T00:00:00Z", "2001-1-1", "1766000000.123", "v1", "1.27", "1.30", "0.90", "5e", "0e5", "0e400", "infinity", "0x1p3", "0x1.8p1", ".5e3", "-", "~x", "=", "1,000",
}

func main() {
	fmt.Println("# scalar\tJSON (made by main.go with sigs.k8s.io/yaml; see go.mod)")
	seen := map[string]bool{}
	for _, scalar := range scalars {
		if seen[scalar] {
			continue
		}
		seen[scalar] = true
		json, err := yaml.YAMLToJSON([]byte("a: " + scalar))
		if err != nil {
			fmt.Printf("%s\terror\n", scalar)
			continue
		}
		fmt.Printf("%s\t%s\n", scalar, json[len(`{"a":`):len(json)-1])
	}
}
