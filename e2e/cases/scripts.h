// The scripts that share the timeline. Each is beside the tests of its record.
#pragma once

#include "cases/timeline.h"

namespace tokenscaler::e2e {

void script_engines(Timeline& timeline);
void script_scrape_faults(Timeline& timeline);
void script_pod_life(Timeline& timeline);
void script_traffic(Timeline& timeline);
void script_selection(Timeline& timeline);
void script_sampling(Timeline& timeline);
void script_prometheus_loss(Timeline& timeline);
void script_kube_state(Timeline& timeline);

}  // namespace tokenscaler::e2e
