// Where cloud-sim enrols agents and renews their certificates: one-time tokens, a CA that signs, and bad days on request.
#pragma once

#include "common/time/time_source.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace relay::cloud_sim {

namespace json = boost::json;

// What a request says about whoever makes it.
struct client_certificate {
    std::string common_name;
    bool expired = false;
};

struct desk_request {
    std::string path; // "/v1/enroll", "/v1/renew"
    std::string body;
    std::optional<client_certificate> client;
};

struct desk_reply {
    enum class manner { answer, hang, reset };
    int status = 200;
    std::string body;
    manner how = manner::answer;
};

struct desk_settings {
    struct fault {
        std::string on = "*"; // "enroll", "renew", "*"
        std::string action;   // status, garbage, huge, hang, reset, other_key, expired
        std::int64_t status = 503;
        std::string code, message;
        std::int64_t count = 1; // 0: for ever
    };
    std::int64_t life_s = 30 * 86'400; // of a certificate
    std::int64_t age_s = 0;            // how much of it is over when it is signed
    bool renew_expired = true;
    bool tell_ca = true;
    std::string ca;        // PEM, told in place of its own; empty: its own
    std::string relay_url; // empty: our own
    std::optional<fault> trouble;
};

// Loop thread only. `violation`, `time` and the desk's files outlive it.
class enrolment_desk {
public:
    using reporter = std::function<void(std::string_view rule, std::string_view message)>;

    // Without a `ca_key` it answers 503 to everything. Throws std::runtime_error where a file cannot be used.
    enrolment_desk(time_source& time, const std::string& ca_certificate, const std::string& ca_key,
                   reporter violation);
    ~enrolment_desk();

    void own_url(std::string url) { own_url_ = std::move(url); }
    desk_reply answer(const desk_request& r);

    // A new token: `text` or one that is made up, good once and for `valid_s`. `agent_id`: of whoever uses it, else made up.
    std::string add_token(std::string text, std::string agent_id, std::int64_t valid_s);
    json::array tokens() const;
    json::array issued() const { return issued_; }
    const desk_settings& settings() const { return settings_; }
    void set(desk_settings s) { settings_ = std::move(s); }

private:
    struct authority;
    struct token {
        std::string agent_id;
        utc_time until;
        bool used = false;
    };

    std::optional<desk_reply> trouble(const std::string& path, std::string& distortion);
    desk_reply enroll(const json::object& o, const std::string& distortion);
    desk_reply renew(const json::object& o, const desk_request& r, const std::string& distortion);
    desk_reply grant(const json::object& o, const std::string& agent_id, const std::string& occasion,
                     const std::string& distortion);
    desk_reply invalid(std::string_view rule, std::string_view message);

    time_source& time_;
    std::unique_ptr<authority> authority_;
    reporter violation_;
    std::string own_url_;
    desk_settings settings_;
    std::map<std::string, token> tokens_;
    json::array issued_;
};

} // namespace relay::cloud_sim
