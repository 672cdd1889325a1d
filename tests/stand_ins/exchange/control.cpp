#include "tests/stand_ins/exchange/control.hpp"

#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "tests/stand_ins/exchange/ews_endpoint.hpp"
#include "tests/stand_ins/exchange/folders.hpp"
#include "tests/stand_ins/exchange/https_server.hpp"
#include "tests/stand_ins/exchange/item_json.hpp"
#include "tests/stand_ins/exchange/json_reading.hpp"
#include "tests/stand_ins/exchange/operation_names.hpp"
#include "tests/stand_ins/exchange/product.hpp"

#include <boost/json/array.hpp>

#include <array>

namespace relay::exchange_sim {
namespace {

namespace json = boost::json;
using stand_in::control_error;
using stand_in::control_reply;
using stand_in::control_request;

mailbox& mailbox_in(const control_request& request, mailbox_store& store)
{
    if (auto* box = store.find_mailbox(request.parameter("email")))
        return *box;
    throw control_error(404, "no such mailbox");
}

calendar_item& item_in(const control_request& request, mailbox_store& store)
{
    const auto& box = mailbox_in(request, store);
    if (auto* item = store.find(request.parameter("id")); item && item->owner == &box)
        return *item;
    throw control_error(404, "no such item");
}

// "allow"/"deny" and the like; absent leaves `value` as it is.
void set_switch(const json::object& fields, std::string_view key, std::string_view on, std::string_view off,
                bool& value)
{
    const auto* given = fields.if_contains(key);
    if (!given)
        return;
    const std::string_view text =
        given->is_string() ? std::string_view(given->get_string()) : std::string_view{};
    if (text != on && text != off)
        throw control_error(400,
                            std::string(key) + " must be " + std::string(on) + " or " + std::string(off));
    value = text == on;
}

void set_free_busy(const json::object& fields, mailbox& box)
{
    constexpr std::array<std::string_view, 5> words{"detail", "time", "merged", "hidden",
                                                    "none"}; // as the enumeration
    if (const auto* rights = fields.if_contains("free_busy"))
        box.rights = static_cast<free_busy_rights>(json_reading::place_of("free_busy", *rights, words));
    if (const auto* code = fields.if_contains("free_busy_failure"))
        box.free_busy_failure = json_reading::text("free_busy_failure", *code);
}

control_reply put_mailbox(const control_request& request, mailbox_store& store)
{
    const auto& fields = request.body.as_object();
    const std::string email(fields.at("email").as_string());
    if (email.find('@') == email.npos)
        throw control_error(400, "email is no address");
    auto& box = store.put_mailbox(email, email.substr(0, email.find('@')));
    if (const auto* name = fields.if_contains("display_name"))
        box.display_name = name->as_string();
    set_switch(fields, "impersonation", "allow", "deny", box.impersonation_allowed);
    set_free_busy(fields, box);
    set_switch(fields, "kind", "room", "user", box.is_room);
    if (const auto* members = fields.if_contains("members")) {
        box.members.clear();
        for (const auto& address : json_reading::list("members", *members))
            box.members.push_back(json_reading::text("members", address));
    }
    if (const auto* hidden = fields.if_contains("hidden"))
        box.hidden = hidden->as_bool();
    if (const auto* aliases = fields.if_contains("aliases"))
        for (const auto& address : json_reading::list("aliases", *aliases))
            if (!store.add_alias(box, json_reading::text("aliases", address)))
                throw control_error(409, "another mailbox has that address");
    return {200, json::object{{"email", box.email}}};
}

control_reply list_items(const control_request& request, mailbox_store& store)
{
    json::array items;
    for (const auto& folder : mailbox_in(request, store).folders)
        for (const auto& [serial, item] : folder.by_arrival)
            if (item->is == item_class::appointment)
                items.push_back(to_json(*item));
    return {200, std::move(items)};
}

control_reply make_item(const control_request& request, const control_parts& p)
{
    auto& store = p.store;
    const auto now = p.time.utc_now();
    auto& box = mailbox_in(request, store);
    const auto& fields = request.body.as_object();
    calendar_item item;
    item.by_user = true;
    item.reminder_set = false;
    item.start = now;
    item.end = now + std::chrono::minutes(30);
    if (fields.contains("start") && !fields.contains("end"))
        throw control_error(400, "end is missing");
    apply_json(item, fields, store, p.zones);
    const auto& made = store.insert(box, folder_in(fields, box), std::move(item), now);
    p.ledger.by_hand(hand_kind::make, made, now);
    return {200, json::object{{"id", made.id}}};
}

control_reply change_item(const control_request& request, const control_parts& p)
{
    auto& store = p.store;
    const auto now = p.time.utc_now();
    auto& item = item_in(request, store);
    const auto& fields = request.body.as_object();
    auto changed = item;
    apply_json(changed, fields, store, p.zones);
    store.replace(item, std::move(changed), now);
    if (const auto folder = folder_in(fields, *item.owner);
        fields.contains("folder") && folder != item.folder)
        store.move(item, folder, now);
    p.ledger.by_hand(hand_kind::edit, item, now);
    return {200, to_json(item)};
}

control_reply delete_item(const control_request& request, const control_parts& p)
{
    const auto now = p.time.utc_now();
    auto& item = item_in(request, p.store);
    if (item.folder == folder_kind::deleteditems) {
        p.ledger.by_hand(hand_kind::erase, item, now);
        p.store.erase(item); // deleted from Deleted Items, it is gone
        return {200, json::object{}};
    }
    p.store.move(item, folder_kind::deleteditems, now);
    p.ledger.by_hand(hand_kind::remove, item, now);
    return {200, json::object{{"id", item.id}}};
}

control_reply make_mailbox_folder(const control_request& request, mailbox_store& store)
{
    auto& box = mailbox_in(request, store);
    const auto& fields = request.body.as_object();
    made_folder folder{std::string(fields.at("name").as_string()), "IPF.Appointment",
                       folder_kind::msgfolderroot};
    if (const auto* kind = fields.if_contains("class"))
        folder.folder_class = kind->as_string();
    if (const auto* parent = fields.if_contains("parent"))
        folder.parent = folder_in(json::object{{"folder", *parent}}, box);
    make_folder(box, std::move(folder));
    return {200, json::object{}};
}

control_reply refuse_searches(const control_request& request, mailbox_store& store)
{
    auto& box = mailbox_in(request, store);
    const auto& fields = request.body.as_object();
    auto& folder = box.contents(folder_in(json::object{{"folder", fields.at("name")}}, box));
    folder.refuses = json_reading::text("refuses", fields.at("refuses"));
    folder.stops = fields.contains("stops") && fields.at("stops").as_bool();
    folder.refusals_left = fields.contains("times") ? fields.at("times").to_number<std::uint64_t>() : 0;
    return {200, json::object{}};
}

control_reply move_by_hand(const control_request& request, const control_parts& p)
{
    const auto now = p.time.utc_now();
    auto& item = item_in(request, p.store);
    p.store.move(item, folder_in(request.body.as_object(), *item.owner), now);
    p.ledger.by_hand(hand_kind::move, item, now);
    return {200, json::object{{"id", item.id}}};
}

control_reply copy_by_hand(const control_request& request, const control_parts& p)
{
    const auto now = p.time.utc_now();
    const auto& item = item_in(request, p.store);
    auto& copy = p.store.copy(item, folder_in(request.body.as_object(), *item.owner), now);
    copy.by_user = true;
    p.ledger.by_hand(hand_kind::copy, copy, now, item.uid);
    return {200, json::object{{"id", copy.id}}};
}

control_reply show_ledger(const ledger& book)
{
    json::array writes, notifications, hands;
    for (const auto& w : book.writes())
        writes.push_back(json::object{{"n", w.n},
                                      {"operation", to_string(w.operation)},
                                      {"mailbox", w.mailbox},
                                      {"item_id", w.item_id},
                                      {"uid", w.uid},
                                      {"event_id", w.event_id},
                                      {"command_id", w.command_id},
                                      {"unsent", w.unsent},
                                      {"at", format_rfc3339(w.at)}});
    for (const auto& n : book.notifications())
        notifications.push_back(json::object{{"n", n.n},
                                             {"kind", to_string(n.kind)},
                                             {"from", n.from},
                                             {"to", n.to},
                                             {"uid", n.uid},
                                             {"event_id", n.event_id},
                                             {"command_id", n.command_id},
                                             {"subject", n.subject},
                                             {"location", n.location},
                                             {"start", format_rfc3339(n.start)},
                                             {"end", format_rfc3339(n.end)},
                                             {"time_zone", n.time_zone},
                                             {"at", format_rfc3339(n.at)}});
    for (const auto& h : book.hands())
        hands.push_back(json::object{{"n", h.n},
                                     {"action", to_string(h.action)},
                                     {"mailbox", h.mailbox},
                                     {"item_id", h.item_id},
                                     {"change_key", h.change_key},
                                     {"uid", h.uid},
                                     {"event_id", h.event_id},
                                     {"subject", h.subject},
                                     {"folder", h.folder},
                                     {"copy_of", h.copy_of},
                                     {"at", format_rfc3339(h.at)}});
    return {200, json::object{{"writes", std::move(writes)},
                              {"notifications", std::move(notifications)},
                              {"by_hand", std::move(hands)}}};
}

milliseconds ms_in(const json::object& fields, std::string_view key, milliseconds otherwise)
{
    const auto* given = fields.if_contains(key);
    return given ? milliseconds(given->to_number<std::int64_t>()) : otherwise;
}

std::size_t count_in(const json::object& fields, std::string_view key, std::size_t otherwise)
{
    const auto* given = fields.if_contains(key);
    return given ? given->to_number<std::size_t>() : otherwise;
}

bool flag_in(const json::object& fields, std::string_view key, bool otherwise)
{
    const auto* given = fields.if_contains(key);
    return given ? given->as_bool() : otherwise;
}

control_reply set_streaming(const json::object& fields, subscription_desk& desk)
{
    auto& r = desk.rules;
    r.most_subscriptions = count_in(fields, "most_subscriptions", r.most_subscriptions);
    r.most_streams = count_in(fields, "most_streams", r.most_streams);
    r.back_ends = count_in(fields, "back_ends", r.back_ends);
    r.heartbeat = ms_in(fields, "heartbeat_ms", r.heartbeat);
    r.minute = ms_in(fields, "minute_ms", r.minute);
    r.unread_life = ms_in(fields, "unread_life_ms", r.unread_life);
    r.piece_bytes = count_in(fields, "piece_bytes", r.piece_bytes);
    r.silent = flag_in(fields, "silent", r.silent);
    r.as_seen = flag_in(fields, "as_seen", r.as_seen);
    if (const auto* lost = fields.if_contains("always_lost"))
        r.always_lost = ascii_lower(json_reading::text("always_lost", *lost));
    r.beside = flag_in(fields, "beside", r.beside);
    r.own_only = flag_in(fields, "own_only", r.own_only);
    r.forgets_cookies = flag_in(fields, "forgets_cookies", r.forgets_cookies);
    desk.rules_changed();
    return {200, json::object{}};
}

control_reply set_habits(const json::object& fields, habits& h)
{
    h.more_than_asked = flag_in(fields, "more_than_asked", false);
    h.properties_twice = flag_in(fields, "properties_twice", false);
    h.detailed = flag_in(fields, "detailed", false);
    h.times_with_zone = flag_in(fields, "times_with_zone", false);
    const auto* meetings = fields.if_contains("meetings_a_day");
    h.meetings_a_day = meetings ? meetings->to_number<int>() : 0;
    return {200, json::object{}};
}

control_reply show_streaming(const subscription_desk& desk)
{
    json::array subscriptions;
    for (const auto& [id, s] : desk.subscriptions())
        subscriptions.push_back(
            json::object{{"id", id}, {"mailbox", s.of->email}, {"back_end", s.back_end}, {"read", s.read}});
    return {200, json::object{{"subscriptions", std::move(subscriptions)}, {"streams", desk.streams()}}};
}

std::string code_in(const json::object& fields, std::string_view otherwise)
{
    const auto* given = fields.if_contains("code");
    return given ? std::string(given->as_string()) : std::string(otherwise);
}

control_reply lose_subscriptions(const json::object& fields, const control_parts& p)
{
    const mailbox* of = nullptr;
    if (const auto* given = fields.if_contains("mailbox");
        given && !(of = p.store.find_mailbox(given->as_string())))
        throw control_error(404, "no such mailbox");
    p.endpoint.desk().lose(of, code_in(fields, "ErrorInvalidSubscription"));
    return {200, json::object{}};
}

control_reply act_on_streams(const json::object& fields, subscription_desk& desk)
{
    const std::string action(fields.at("action").as_string());
    if (action == "cut")
        desk.act_on_streams(subscription_desk::act::cut);
    else if (action == "close")
        desk.act_on_streams(subscription_desk::act::close);
    else if (action == "end")
        desk.act_on_streams(subscription_desk::act::end);
    else if (action == "error")
        desk.fail_streams(code_in(fields, "ErrorReadEventsFailed"));
    else
        throw control_error(400, "action must be cut, close, end or error");
    return {200, json::object{}};
}

// The service account's own budget has the empty name.
json::object show_throttling(const throttling& t)
{
    json::object budgets;
    for (const auto& [name, use] : t.budgets())
        budgets[name] = json::object{{"now", use.now}, {"most", use.most}, {"refused", use.refused}};
    return {{"refused", t.refused()}, {"budgets", std::move(budgets)}};
}

control_reply change_throttling(const control_request& r, ews_endpoint& endpoint)
{
    endpoint.start_throttling(read_throttling(r.body));
    return {200, json::object{}};
}

control_reply show_stats(const control_parts& p)
{
    json::object requests, versions;
    for (const auto& [operation, count] : p.endpoint.stats().requests)
        requests[operation] = count;
    for (const auto& [version, count] : p.endpoint.stats().request_versions)
        versions[version] = count;
    const auto& counts = p.gatekeeper.counts();
    return {200, json::object{{"requests", std::move(requests)},
                              {"request_versions", std::move(versions)},
                              {"round_trips", p.endpoint.stats().round_trips},
                              {"connections", p.server.connections()},
                              {"open_connections", p.server.open_connections()},
                              {"sign_ins", {{"ok", counts.ok}, {"refused", counts.refused}}},
                              {"faults_struck", p.endpoint.stats().faults_struck},
                              {"in_flight", p.endpoint.stats().in_flight},
                              {"most_in_flight", p.endpoint.stats().most_in_flight},
                              {"throttling", show_throttling(p.endpoint.throttling())}}};
}

// Another server answers from now on, or the same shows its version otherwise.
control_reply change_product(const control_request& request, product& shown)
{
    const auto& fields = request.body.as_object();
    const auto name = fields.contains("name") ? std::string_view(fields.at("name").as_string()) : shown.name;
    const auto* usual = find_product(name);
    if (!usual)
        throw control_error(400, "there is no such product");
    shown = *usual;
    const auto* form = fields.if_contains("version_info");
    const auto version_info = form ? std::string_view(form->as_string()) : std::string_view("usual");
    if (version_info == "absent") {
        shown.version = {};
    } else if (version_info == "odd") {
        shown.major_build = -1;
        shown.version = "V2099_01_01";
    } else if (version_info != "usual") {
        throw control_error(400, "version_info is usual, absent or odd");
    }
    if (const auto* there = fields.if_contains("owa_version"); there && !there->as_bool())
        shown.build = {};
    return {200, json::object{{"name", shown.name}}};
}

} // namespace

void add_control_routes(stand_in::routes& table, control_parts p)
{
    table.on("POST", "/mailboxes", [p](const control_request& r) { return put_mailbox(r, p.store); });
    table.on("GET", "/mailboxes/{email}/items",
             [p](const control_request& r) { return list_items(r, p.store); });
    table.on("POST", "/mailboxes/{email}/items", [p](const control_request& r) { return make_item(r, p); });
    table.on("PATCH", "/mailboxes/{email}/items/{id}",
             [p](const control_request& r) { return change_item(r, p); });
    table.on("DELETE", "/mailboxes/{email}/items/{id}",
             [p](const control_request& r) { return delete_item(r, p); });
    table.on("POST", "/mailboxes/{email}/items/{id}/move",
             [p](const control_request& r) { return move_by_hand(r, p); });
    table.on("POST", "/mailboxes/{email}/items/{id}/copy",
             [p](const control_request& r) { return copy_by_hand(r, p); });
    table.on("POST", "/mailboxes/{email}/folders",
             [p](const control_request& r) { return make_mailbox_folder(r, p.store); });
    table.on("PUT", "/mailboxes/{email}/folders",
             [p](const control_request& r) { return refuse_searches(r, p.store); });
    table.on("PUT", "/habits",
             [p](const control_request& r) { return set_habits(r.body.as_object(), p.endpoint.habits()); });
    table.on("GET", "/ledger", [p](const control_request&) { return show_ledger(p.ledger); });
    table.on("GET", "/stats", [p](const control_request&) { return show_stats(p); });
    table.on("PUT", "/faults", [p](const control_request& r) {
        p.endpoint.faults().replace(read_faults(r.body));
        return control_reply{200, json::object{}};
    });
    table.on("DELETE", "/faults", [p](const control_request&) {
        p.endpoint.faults().replace({});
        return control_reply{200, json::object{}};
    });
    table.on("GET", "/streaming", [p](const control_request&) { return show_streaming(p.endpoint.desk()); });
    table.on("PUT", "/streaming",
             [p](const control_request& r) { return set_streaming(r.body.as_object(), p.endpoint.desk()); });
    table.on("POST", "/streaming/lose",
             [p](const control_request& r) { return lose_subscriptions(r.body.as_object(), p); });
    table.on("POST", "/streaming/act",
             [p](const control_request& r) { return act_on_streams(r.body.as_object(), p.endpoint.desk()); });
    table.on("PUT", "/product", [p](const control_request& r) { return change_product(r, p.shown); });
    table.on("PUT", "/balancer", [p](const control_request& r) {
        const auto& fields = r.body.as_object();
        const auto servers = fields.contains("servers") ? fields.at("servers").to_number<unsigned>() : 1u;
        if (servers < 1 || servers > 9)
            throw control_error(400, "servers is 1 to 9");
        p.endpoint.balancer() = {servers, fields.contains("cookie") && fields.at("cookie").as_bool()};
        return control_reply{200, json::object{}};
    });
    table.on("GET", "/operations", [](const control_request&) {
        json::array names;
        for (const auto name : operation_names())
            names.emplace_back(name);
        return control_reply{200, std::move(names)};
    });
    table.on("PUT", "/throttling",
             [p](const control_request& r) { return change_throttling(r, p.endpoint); });
    table.on("DELETE", "/throttling", [p](const control_request&) {
        p.endpoint.start_throttling({});
        return control_reply{200, json::object{}};
    });
    table.on("PUT", "/account", [p](const control_request& r) {
        const auto& fields = r.body.as_object();
        if (const auto* password = fields.if_contains("password"))
            p.gatekeeper.change_password(std::string(password->as_string()));
        if (const auto* sign_out = fields.if_contains("sign_out"); sign_out && sign_out->as_bool())
            p.gatekeeper.sign_out_all();
        return control_reply{200, json::object{}};
    });
}

} // namespace relay::exchange_sim
