// A desk of the cloud's that signs, in virtual time, and folders for what it grants.
#pragma once

#include "agent/enrolment/answer.hpp"
#include "agent/enrolment/identity_files.hpp"
#include "tests/stand_ins/cloud/enrolment_desk.hpp"
#include "tests/support/manual_time.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/uplink/test_pki.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

namespace relay::test {

namespace fs = std::filesystem;
namespace json = boost::json;

inline std::string contents(const fs::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct desk_fixture {
    asio::io_context context{1};
    manual_time time{context, std::chrono::floor<milliseconds>(std::chrono::system_clock::now())};
    test_pki pki;
    fs::path ca = pki.authority();
    std::vector<std::string> violations;
    cloud_sim::enrolment_desk desk{time, ca.string(), fs::path(ca).replace_extension(".key").string(),
                                   [this](std::string_view rule, std::string_view message) {
                                       violations.push_back(std::string(rule) + ": " + std::string(message));
                                   }};

    desk_fixture() { desk.own_url("wss://relay.example/v1/connect"); }

    uplink::post_answer answer_renewal(std::string body, std::string agent_id = "agent-1",
                                       bool expired = false)
    {
        auto reply = desk.answer(
            {"/v1/renew", std::move(body), cloud_sim::client_certificate{std::move(agent_id), expired}});
        return {reply.status, std::move(reply.body), std::nullopt};
    }
    // The body of a grant for `request`.
    json::object grant(const std::string& request, const std::string& agent_id = "agent-1")
    {
        const auto answer = answer_renewal(json::serialize(json::object{{"csr", request}}), agent_id);
        REQUIRE(answer.status == 200);
        return json::parse(answer.body).as_object();
    }
};

// An agent's folder with an identity in it, made `age` ago for `life`.
struct identity_fixture : desk_fixture {
    temporary_folder folder;
    enrolment::places where =
        enrolment::places_of(folder.path() / "pki/agent.crt", folder.path() / "pki/agent.key", {});
    enrolment::identity_files files{where};

    struct new_identity {
        enrolment::key_request request;
        enrolment::granted granted;
    };
    new_identity make(const std::string& agent_id = "agent-1")
    {
        auto request = *enrolment::make_key_request("test");
        auto granted = enrolment::read_grant(json::serialize(grant(request.request, agent_id)), request.key,
                                             time.utc_now());
        REQUIRE(granted.has_value());
        return {std::move(request), *std::move(granted)};
    }
    static enrolment::identity of(const new_identity& f, const fs::path& ca_file = {})
    {
        return {f.request.key,
                f.granted.certificate,
                f.granted.ca,
                {f.granted.agent_id, f.granted.relay_url, ca_file, {}}};
    }
    void install(const new_identity& f)
    {
        REQUIRE(files.prepare().has_value());
        REQUIRE(files.stage(of(f, where.ca)).has_value());
        REQUIRE(files.commit().has_value());
    }
    bool pair_matches() const
    {
        const auto facts = tls::read_certificate(where.certificate, where.key);
        return facts.has_value() && facts->matches_key;
    }
    std::size_t leftovers() const
    {
        std::size_t count = 0;
        for (const auto& entry : fs::directory_iterator(where.key.parent_path()))
            count += entry.path().extension() == ".new";
        return count;
    }
};

} // namespace relay::test
