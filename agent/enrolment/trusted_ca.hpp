// Whom the agent believes to be the cloud, and which CAs it takes from it. A cloud that was taken over for an hour must not be
// believed for ever: at a renewal only such CAs are taken as somebody has signed who is trusted already.
#pragma once

#include "common/tls/tls.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace relay::enrolment {

// The files that say whom to trust. Both empty: the system's trust store.
struct trust_files {
    std::filesystem::path ca_file;      // the administrator's; never written
    std::filesystem::path told_ca_file; // what the cloud handed out; empty: nothing that counts

    friend bool operator==(const trust_files&, const trust_files&) = default;
};

struct refused_ca {
    std::string subject, sha256; // "CN=Relay CA", hex

    friend bool operator==(const refused_ca&, const refused_ca&) = default;
};

struct ca_verdict {
    std::string accepted; // PEM; empty: none
    std::vector<refused_ca> refused;
};

// Which of the CAs in `offered` (PEM) may be taken: those that are trusted, those that one who is trusted has signed, and a
// self-signed one whose key and name are in one of these (the other half of a cross-signed pair). Blocking.
ca_verdict judge_ca(const std::string& offered, const trust_files& now);

// The SHA-256 fingerprints, in hex, of all CAs that count, sorted; "system" for the system's trust store. One that cannot be read
// counts as absent. Blocking.
std::vector<std::string> trusted_fingerprints(const trust_files& now);

} // namespace relay::enrolment
