// exchange-sim without its sockets: what the agent's EWS client sends is carried out at once.
#pragma once

#include "agent/ews/ews_client.hpp"
#include "tests/stand_ins/exchange/item_json.hpp"
#include "tests/stand_ins/exchange/operations.hpp"
#include "tests/unit/commands/agent_fixture.hpp"

#include <functional>
#include <map>

namespace relay::test {

class in_process_exchange final : public http::transport {
public:
    explicit in_process_exchange(time_source& time) : time_(time) { mailbox("svc@corp.example"); }

    task<http::outcome> perform(http::request r) override { co_return answer(std::move(r.body)); }

    static const exchange_sim::zone_table& zones()
    {
        static const auto table = exchange_sim::zone_table::load(
            "/usr/share/unicode/cldr/common/supplemental/windowsZones.xml", "/usr/share/zoneinfo");
        return table;
    }

    exchange_sim::mailbox& mailbox(const std::string& email) { return store.put_mailbox(email, email); }
    // As somebody makes it in Outlook.
    exchange_sim::calendar_item& put(const std::string& email, const json::object& fields)
    {
        exchange_sim::calendar_item item;
        item.by_user = true;
        exchange_sim::apply_json(item, fields, store, zones());
        return store.insert(mailbox(email), exchange_sim::folder_kind::calendar, std::move(item),
                            time_.utc_now());
    }

    exchange_sim::mailbox_store store;
    exchange_sim::ledger book{[](const exchange_sim::write_record&) {}};
    std::map<std::string, int> requests; // by operation
    // The ResponseCode that a request for this operation is refused with; "": it is carried out. May be empty.
    std::function<std::string(const std::string& operation)> before;

private:
    http::outcome answer(std::string body)
    {
        exchange_sim::soap_request request;
        request.text = std::move(body);
        try {
            exchange_sim::open_request(request);
            exchange_sim::check_request(request, server_);
            ++requests[request.name];
            if (const std::string code = before ? before(request.name) : std::string(); !code.empty())
                exchange_sim::refuse_request(code, "The stand-in was told to refuse.");
            exchange_sim::operation_context context{server_, zones(), store, book, request};
            context.acting =
                &mailbox(request.impersonated.empty() ? "svc@corp.example" : request.impersonated);
            context.now = time_.utc_now();
            return reply_of(200, exchange_sim::find_operation(request.name)(context));
        } catch (const exchange_sim::soap_fault& why) {
            return reply_of(500, exchange_sim::fault_envelope(why));
        }
    }
    static http::outcome reply_of(int status, std::string body)
    {
        http::response answer;
        answer.status = status;
        answer.content_type = "text/xml; charset=utf-8";
        answer.body = std::move(body);
        return answer;
    }

    time_source& time_;
    exchange_sim::product server_{.name = "2019",
                                  .build = "15.2.1118.7",
                                  .major = 15,
                                  .minor = 2,
                                  .major_build = 1118,
                                  .minor_build = 7,
                                  .version = "V2017_07_11",
                                  .newest_request = "V2017_07_11"};
};

// The agent between its two doors, with its real EWS client and exchange-sim behind it.
struct exact_fixture : agent_fixture {
    in_process_exchange sim{time};
    ews::ews_client client{sim, time, {"mail.corp.example", "CORP\\svc", {}}};
    policy::policy everything{policy::rules()}; // then nobody is asked who an address is
    int commands = 0;

    exact_fixture()
    {
        in_use = &client;
        rules = &everything;
        sim.mailbox("host@corp.example");
        restart();
    }
    ~exact_fixture() { stop(); }

    // The result of a command that ends by itself.
    json::object call(const std::string& op, json::object params)
    {
        const auto id = "c-" + std::to_string(++commands);
        send(id, op, std::move(params));
        const auto* r = result(id);
        if (r == nullptr)
            throw std::runtime_error(op + " has no result");
        auto copy = *r;
        now->frames.clear();
        return copy;
    }
};

} // namespace relay::test
