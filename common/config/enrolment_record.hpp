// What enrolment told beside the certificate: who the agent is, and where its cloud is. It lies beside the certificate,
// because the configuration is the administrator's and often not for the agent to write.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace relay::config {

struct enrolment_record {
    std::string agent_id;
    std::string relay_url; // wss://; for cloud.url where that is not set; empty where the cloud told none
    std::filesystem::path
        ca_file; // for cloud.ca_file where that is not set; empty where the cloud told no CA
    std::string certificate_sha256; // hex, of the certificate file's bytes: the one that this is about

    friend bool operator==(const enrolment_record&, const enrolment_record&) = default;
};

// "pki/agent.enrolment.json" for "pki/agent.crt".
std::filesystem::path enrolment_record_file(const std::filesystem::path& certificate_file);

// A CA file in the record's own folder is written by its name alone, so that the folder can be moved.
std::string to_json(const enrolment_record& r, const std::filesystem::path& folder);
// Nothing where `text` is no such record.
std::optional<enrolment_record> parse_enrolment_record(std::string_view text,
                                                       const std::filesystem::path& folder);

// The record beside `certificate_file`; nothing where there is none that can be read. Blocking; any thread.
std::optional<enrolment_record> read_enrolment_record(const std::filesystem::path& certificate_file);

} // namespace relay::config
