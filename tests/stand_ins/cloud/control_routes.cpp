#include "tests/stand_ins/cloud/control_routes.hpp"

#include "common/text/text.hpp"
#include "tests/stand_ins/cloud/bench.hpp"
#include "tests/stand_ins/cloud/wait.hpp"

#include <boost/json/serialize.hpp>

namespace relay::cloud_sim {

using stand_in::control_error;
using stand_in::control_reply;
using stand_in::control_request;

namespace {

constexpr std::int64_t longest_wait_ms = 3'600'000;

const json::object& body_of(const control_request& r)
{
    if (const auto* object = r.body.if_object())
        return *object;
    throw control_error(400, "the body is no JSON object");
}

// The field as text, empty where it is absent or null.
std::string text_of(const json::object& o, std::string_view name)
{
    const auto* value = o.if_contains(name);
    return value && !value->is_null() ? std::string(value->as_string()) : std::string();
}

std::int64_t number_of(const json::object& o, std::string_view name, std::int64_t otherwise)
{
    const auto* value = o.if_contains(name);
    return value && !value->is_null() ? value->to_number<std::int64_t>() : otherwise;
}

bool flag_of(const json::object& o, std::string_view name, bool otherwise)
{
    const auto* value = o.if_contains(name);
    return value && !value->is_null() ? value->as_bool() : otherwise;
}

milliseconds wait_of(std::int64_t ms)
{
    return milliseconds(std::clamp<std::int64_t>(ms, 0, longest_wait_ms));
}

command command_of(const json::object& o)
{
    command c;
    c.id = text_of(o, "id");
    c.op = text_of(o, "op");
    if (c.op.empty())
        throw control_error(400, "op is missing");
    c.mailbox = text_of(o, "mailbox");
    c.agent = text_of(o, "agent");
    c.redelivered = flag_of(o, "redelivered", false);
    if (o.contains("ttl_ms"))
        c.ttl_ms = number_of(o, "ttl_ms", 0);
    if (const auto* params = o.if_contains("params"); params && !params->is_null())
        c.params = params->as_object();
    return c;
}

command& known(cloud& c, const control_request& r)
{
    if (auto* found = c.find(r.parameter("id")))
        return *found;
    throw control_error(404, "no such command");
}

void need_agent(bool there)
{
    if (!there)
        throw control_error(409, "no agent is connected");
}

// The record once it has a result; 504 where it has none when the time is up.
task<control_reply> wait_for(cloud& c, std::string id, milliseconds limit)
{
    const auto deadline = c.time().now() + limit;
    for (;;) {
        auto* found = c.find(id);
        if (!found)
            throw control_error(404, "no such command");
        const auto left = deadline - c.time().now();
        if (found->state == command_state::finished || left <= 0s)
            co_return control_reply{found->state == command_state::finished ? 200 : 504, to_json(*found)};
        if (!found->finished)
            found->finished = std::make_shared<notifier>(c.executor());
        const auto news = found->finished; // the record may go while we wait
        co_await wait_at_most(c.time(), left, *news);
    }
}

task<control_reply> post_one(cloud& c, recorder& disk, const control_request& r)
{
    auto posted = command_of(body_of(r));
    auto* known_before = posted.id.empty() ? nullptr : c.find(posted.id);
    std::string id;
    if (known_before) {
        // The same id once more: sent as it was posted now, judged by the first one.
        id = known_before->id;
        need_agent(c.send_again(*known_before, posted));
    } else {
        id = c.record(std::move(posted)).id;
        const auto ec = co_await disk.flush();
        if (ec)
            throw control_error(500, "not stored: " + ec.message());
        if (auto* recorded = c.find(id))
            c.deliver(*recorded);
    }
    const auto wait_ms = r.number("wait_ms", -1);
    if (wait_ms >= 0)
        co_return co_await wait_for(c, id, wait_of(wait_ms));
    co_return control_reply{200, {{"id", id}}};
}

// Many at once: they go out as the agent's window has room.
task<control_reply> post_many(cloud& c, recorder& disk, const json::array& posted)
{
    std::vector<command> commands;
    for (const auto& one : posted) {
        commands.push_back(command_of(one.as_object()));
        if (!commands.back().id.empty() && c.find(commands.back().id))
            throw control_error(409, "the id " + commands.back().id + " is known");
    }
    json::array ids;
    for (auto& one : commands)
        ids.push_back(json::string(c.record(std::move(one)).id));
    const auto ec = co_await disk.flush();
    if (ec)
        throw control_error(500, "not stored: " + ec.message());
    for (const auto& id : ids)
        if (auto* recorded = c.find(std::string_view(id.get_string())))
            c.queue(*recorded);
    co_return control_reply{200, {{"ids", std::move(ids)}}};
}

void add_command_routes(stand_in::routes& routes, cloud& c, recorder& disk)
{
    routes.on_waiting("POST", "/commands", [&](control_request r) -> task<control_reply> {
        if (const auto* many = r.body.if_array())
            co_return co_await post_many(c, disk, *many);
        co_return co_await post_one(c, disk, r);
    });
    routes.on_waiting("GET", "/commands/{id}", [&](control_request r) -> task<control_reply> {
        const auto wait_ms = r.number("wait_ms", -1);
        if (wait_ms >= 0)
            co_return co_await wait_for(c, r.parameter("id"), wait_of(wait_ms));
        co_return control_reply{200, to_json(known(c, r))};
    });
    routes.on("POST", "/commands/{id}/redeliver", [&](const control_request& r) {
        auto& again = known(c, r);
        const auto before = again.agent;
        if (r.body.is_object() && body_of(r).contains("agent"))
            again.agent = text_of(body_of(r), "agent");
        const bool there = c.send(again, true);
        if (!there)
            again.agent = before;
        need_agent(there);
        return control_reply{200, to_json(known(c, r))};
    });
    routes.on("POST", "/commands/{id}/cancel", [&](const control_request& r) {
        need_agent(c.cancel(known(c, r)));
        return control_reply{200, to_json(known(c, r))};
    });
    routes.on("POST", "/raw", [&](const control_request& r) {
        const auto& o = body_of(r);
        if (o.contains("text")) {
            std::string frame(o.at("text").as_string());
            if (const auto* piece = o.if_contains("piece")) {
                const auto times = o.at("times").to_number<std::size_t>();
                frame.reserve(frame.size() + piece->as_string().size() * times);
                for (std::size_t i = 0; i < times; ++i)
                    frame += std::string_view(piece->as_string());
            }
            if (const auto* end = o.if_contains("end"))
                frame += std::string_view(end->as_string());
            need_agent(c.send_raw(std::move(frame), frame_format::text));
        } else {
            const auto bytes = from_base64(std::string_view(o.at("binary_base64").as_string()));
            if (!bytes)
                throw control_error(400, "binary_base64 is no base64");
            need_agent(c.send_raw(*bytes, frame_format::binary));
        }
        return control_reply{200, json::object{}};
    });
}

void add_report_routes(stand_in::routes& routes, cloud& c)
{
    routes.on("GET", "/results", [&](const control_request&) { return control_reply{200, c.results()}; });
    routes.on("GET", "/events", [&](const control_request&) { return control_reply{200, c.events()}; });
    routes.on("GET", "/problems", [&](const control_request&) { return control_reply{200, c.problems()}; });
    routes.on("GET", "/violations", [&](const control_request&) {
        return control_reply{200, c.violations()};
    });
    routes.on("GET", "/agents", [&](const control_request&) { return control_reply{200, c.agents()}; });
    routes.on("GET", "/ledger", [&](const control_request&) { return control_reply{200, c.ledger()}; });
}

json::object behaviour_json(const behaviour& b)
{
    json::value rejection = nullptr;
    if (b.reject) {
        rejection = {{"code", b.reject->code}, {"message", b.reject->message}};
        if (b.reject->retry_after_s)
            rejection.get_object()["retry_after_s"] = *b.reject->retry_after_s;
    }
    return {{"withhold_acks", b.withhold_acks},   {"reject", std::move(rejection)},
            {"no_subprotocol", b.no_subprotocol}, {"silent", b.silent},
            {"no_welcome", b.no_welcome},         {"give_again", b.give_again},
            {"respect_window", b.respect_window}, {"revoked", b.revoked},
            {"refuse_upgrade", b.refuse_upgrade}, {"clock_skew_s", b.clock_skew.count()}};
}

behaviour changed(behaviour b, const json::object& o)
{
    b.withhold_acks = flag_of(o, "withhold_acks", b.withhold_acks);
    b.no_subprotocol = flag_of(o, "no_subprotocol", b.no_subprotocol);
    b.silent = flag_of(o, "silent", b.silent);
    b.no_welcome = flag_of(o, "no_welcome", b.no_welcome);
    b.give_again = flag_of(o, "give_again", b.give_again);
    b.respect_window = flag_of(o, "respect_window", b.respect_window);
    b.revoked = flag_of(o, "revoked", b.revoked);
    b.refuse_upgrade = static_cast<int>(number_of(o, "refuse_upgrade", b.refuse_upgrade));
    b.clock_skew = std::chrono::seconds(number_of(o, "clock_skew_s", b.clock_skew.count()));
    if (const auto* reject = o.if_contains("reject")) {
        b.reject.reset();
        if (!reject->is_null()) {
            const auto& r = reject->as_object();
            b.reject = behaviour::rejection{text_of(r, "code"), text_of(r, "message"), std::nullopt};
            if (r.contains("retry_after_s"))
                b.reject->retry_after_s = number_of(r, "retry_after_s", 0);
        }
    }
    return b;
}

void add_fault_routes(stand_in::routes& routes, cloud& c)
{
    routes.on("GET", "/behaviour", [&](const control_request&) {
        return control_reply{200, behaviour_json(c.conduct())};
    });
    routes.on("PUT", "/behaviour", [&](const control_request& r) {
        c.behave(changed(c.conduct(), body_of(r)));
        return control_reply{200, behaviour_json(c.conduct())};
    });
    routes.on("POST", "/link", [&](const control_request& r) {
        const auto& o = body_of(r);
        const auto action = text_of(o, "action");
        if (action == "cut")
            need_agent(c.cut());
        else if (action == "close")
            need_agent(c.close(static_cast<std::uint16_t>(number_of(o, "code", 1000))));
        else if (action == "drain")
            need_agent(c.drain(milliseconds(number_of(o, "reconnect_after_ms", 0))));
        else
            throw control_error(400, "action is cut, close or drain");
        return control_reply{200, json::object{}};
    });
    routes.on("POST", "/set-back", [&](const control_request& r) {
        const auto& o = body_of(r);
        const auto id = text_of(o, "store");
        auto* store = id.empty() ? c.newest_store() : c.find_store(id);
        if (!store)
            throw control_error(404, "no such store");
        const auto ack = number_of(o, "ack", 0);
        if (ack < 0 || ack > store->durable)
            throw control_error(400, "ack is 0 to " + std::to_string(store->durable));
        json::array unanswered;
        for (const auto& one : c.set_back(*store, ack))
            unanswered.emplace_back(one);
        return control_reply{200,
                             {{"store", store->id}, {"ack", ack}, {"unanswered", std::move(unanswered)}}};
    });
}

bench_request bench_of(const json::object& o)
{
    bench_request b;
    b.op = text_of(o, "op");
    b.mailbox = text_of(o, "mailbox");
    if (const auto* params = o.if_contains("params"); params && !params->is_null())
        b.params = json::serialize(params->as_object());
    if (o.contains("ttl_ms"))
        b.ttl_ms = number_of(o, "ttl_ms", 0);
    b.total = number_of(o, "total", 1);
    b.outstanding = number_of(o, "outstanding", 1);
    b.timeout = wait_of(number_of(o, "timeout_ms", b.timeout.count()));
    if (b.op.empty() || b.total < 1 || b.total > 10'000'000 || b.outstanding < 1)
        throw control_error(400, "op, total (1 to 10000000) and outstanding (from 1) are needed");
    return b;
}

void add_bench_routes(stand_in::routes& routes, cloud& c)
{
    routes.on_waiting("POST", "/bench", [&](control_request r) -> task<control_reply> {
        auto report = co_await run_bench(c, bench_of(body_of(r)));
        need_agent(!report.empty());
        co_return control_reply{200, std::move(report)};
    });
    routes.on_waiting("POST", "/bench/drain-wait", [&](control_request r) -> task<control_reply> {
        const auto& o = body_of(r);
        auto report =
            co_await wait_for_drain(c, text_of(o, "store"), o.at("until_seq").to_number<std::int64_t>(),
                                    wait_of(number_of(o, "timeout_ms", 60'000)));
        const int status = report.contains("elapsed_ms") ? 200 : 504;
        co_return control_reply{status, std::move(report)};
    });
}

json::object enrolment_json(const desk_settings& s)
{
    json::value trouble = nullptr;
    if (const auto& t = s.trouble)
        trouble = {{"on", t->on},     {"action", t->action},   {"status", t->status},
                   {"code", t->code}, {"message", t->message}, {"count", t->count}};
    return {{"life_s", s.life_s},         {"age_s", s.age_s}, {"renew_expired", s.renew_expired},
            {"tell_ca", s.tell_ca},       {"ca", s.ca},       {"relay_url", s.relay_url},
            {"fault", std::move(trouble)}};
}

desk_settings changed(desk_settings s, const json::object& o)
{
    s.life_s = number_of(o, "life_s", s.life_s);
    s.age_s = number_of(o, "age_s", s.age_s);
    s.renew_expired = flag_of(o, "renew_expired", s.renew_expired);
    s.tell_ca = flag_of(o, "tell_ca", s.tell_ca);
    if (o.contains("ca"))
        s.ca = text_of(o, "ca");
    if (o.contains("relay_url"))
        s.relay_url = text_of(o, "relay_url");
    if (const auto* fault = o.if_contains("fault")) {
        s.trouble.reset();
        if (!fault->is_null()) {
            const auto& f = fault->as_object();
            const auto on = text_of(f, "on");
            s.trouble = desk_settings::fault{on.empty() ? "*" : on,       text_of(f, "action"),
                                             number_of(f, "status", 503), text_of(f, "code"),
                                             text_of(f, "message"),       number_of(f, "count", 1)};
            if (s.trouble->action.empty())
                throw control_error(400, "a fault needs an action");
        }
    }
    return s;
}

} // namespace

void add_enrolment_routes(stand_in::routes& routes, enrolment_desk& desk)
{
    routes.on("POST", "/tokens", [&](const control_request& r) {
        constexpr std::int64_t a_day = 86'400;
        const auto& o = r.body.is_null() ? json::object() : body_of(r);
        return control_reply{200,
                             {{"token", desk.add_token(text_of(o, "token"), text_of(o, "agent_id"),
                                                       number_of(o, "valid_s", a_day))}}};
    });
    routes.on("GET", "/tokens", [&](const control_request&) { return control_reply{200, desk.tokens()}; });
    routes.on("GET", "/issued", [&](const control_request&) { return control_reply{200, desk.issued()}; });
    routes.on("GET", "/enrolment", [&](const control_request&) {
        return control_reply{200, enrolment_json(desk.settings())};
    });
    routes.on("PUT", "/enrolment", [&](const control_request& r) {
        desk.set(changed(desk.settings(), body_of(r)));
        return control_reply{200, enrolment_json(desk.settings())};
    });
}

void add_routes(stand_in::routes& routes, cloud& c, recorder& disk)
{
    add_command_routes(routes, c, disk);
    add_report_routes(routes, c);
    add_fault_routes(routes, c);
    add_bench_routes(routes, c);
}

} // namespace relay::cloud_sim
