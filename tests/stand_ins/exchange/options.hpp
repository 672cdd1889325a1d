// The command line of exchange-sim.
#pragma once

#include "tests/stand_ins/exchange/gatekeeper.hpp"
#include "tests/stand_ins/exchange/server_certificate.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace relay::exchange_sim {

struct product;

struct options {
    std::string certificate, key; // PEM files
    tls_wishes tls;
    std::string listen = "127.0.0.1:0", control = "127.0.0.1:0";
    service_account account{"CORP", "workestra-svc", "", "secret"};
    bool basic = true, ntlm = true, negotiate = false;
    extended_protection protection = extended_protection::off;
    const exchange_sim::product* product = nullptr; // never null after parsing
    std::string domain = "corp.example";
    unsigned mailboxes = 0;
    std::string journal; // empty: none
    std::chrono::milliseconds bump_change_keys_after{0};
    unsigned max_concurrency = 27; // of the throttling policy at the start
    std::string windows_zones = "/usr/share/unicode/cldr/common/supplemental/windowsZones.xml";
    std::string tz_database = "/usr/share/zoneinfo";
};

extern const char* const usage;

// Throws std::invalid_argument in plain words.
options parse_options(const std::vector<std::string>& arguments);

} // namespace relay::exchange_sim
