# The picture at the end of scripts/demo. Variables: format (svg, png), data (run.tsv of the live
# view: its columns are described there), picture (path), subtitle.
set datafile separator "\t"
set datafile missing "NaN"
if (format eq "svg") {
  set terminal svg size 960,900 font "DejaVu Sans,12" background "#ffffff" linewidth 1.2
} else {
  set terminal pngcairo size 960,900 font "DejaVu Sans,10" background "#ffffff" linewidth 1.2
}
set output picture

set border 3 linecolor "#888888"
set tics nomirror textcolor "#444444"
set grid y linecolor "#e4e4e4"
set key left top horizontal samplen 2 textcolor "#333333"
set lmargin 11
set rmargin 3
set style fill transparent solid 0.25 noborder
set format y "%.0f"
set yrange [0:*]
set offsets 0, 0, graph 0.08, 0
stats data using 1 nooutput
set xrange [0:STATS_max]

set multiplot layout 4,1 title "TokenScaler: replicas from tokens\n".subtitle noenhanced

set ylabel "tokens/s"
plot data using 1:2 with filledcurves y1=0 linecolor "#2b6cb0" notitle, \
     data using 1:2 with lines linecolor "#2b6cb0" title "prompt", \
     data using 1:3 with filledcurves y1=0 linecolor "#dd6b20" notitle, \
     data using 1:3 with lines linecolor "#dd6b20" title "generated"

set ylabel "requests"
plot data using 1:4 with lines linecolor "#2f855a" title "in flight", \
     data using 1:5 with lines linecolor "#c53030" title "waiting"

set ylabel "replicas"
set ytics 2
plot data using 1:8 with steps linecolor "#6b46c1" title "wanted", \
     data using 1:7 with fillsteps linecolor "#6b46c1" title "ready"

set ytics autofreq
set ylabel "USD/hour"
set xlabel "seconds"
plot data using 1:9 with fillsteps linecolor "#718096" notitle, \
     data using 1:9 with steps linecolor "#4a5568" title "cost of the fleet"
unset multiplot
