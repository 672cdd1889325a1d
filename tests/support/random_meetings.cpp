#include "tests/support/random_meetings.hpp"

#include <algorithm>
#include <chrono>

namespace relay::test {
namespace {

constexpr minute new_year = 29'453'760; // 2026-01-01T00:00:00Z
constexpr minute day = 24 * 60;

template <class List>
const auto& one_of(random_source& random, const List& list)
{
    return list[static_cast<std::size_t>(pick(random, 0, static_cast<std::int64_t>(std::size(list)) - 1))];
}

std::string text_at(const json::object& o, std::string_view key)
{
    return std::string(o.at(key).as_string());
}

// A minute as the cloud may write it: in UTC or with any offset.
std::string random_form(random_source& random, minute utc)
{
    if (chance(random, 50))
        return rfc3339(utc);
    const auto ahead = pick(random, -12 * 4, 14 * 4) * 15;
    auto text = rfc3339(utc + ahead);
    text.pop_back();
    const auto size = ahead < 0 ? -ahead : ahead;
    const auto two = [](minute n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    return text + (ahead < 0 ? "-" : "+") + two(size / 60) + ":" + two(size % 60);
}

minute parse_form(std::string_view text)
{
    const auto number = [&](std::size_t at, std::size_t length) {
        return std::stoll(std::string(text.substr(at, length)));
    };
    const std::chrono::sys_days date{std::chrono::year{static_cast<int>(number(0, 4))} /
                                     static_cast<int>(number(5, 2)) / static_cast<int>(number(8, 2))};
    auto t = date.time_since_epoch().count() * day + number(11, 2) * 60 + number(14, 2);
    if (text[19] != 'Z')
        t -= (text[19] == '-' ? -1 : 1) * (number(20, 2) * 60 + number(23, 2));
    return t;
}

json::value random_zone(random_source& random)
{
    constexpr std::array zones{"Europe/Berlin",    "America/New_York",     "Australia/Lord_Howe",
                               "Asia/Kathmandu",   "Pacific/Chatham",      "Etc/UTC",
                               "Asia/Calcutta",    "Africa/Cairo",         "Australia/Adelaide",
                               "America/Santiago", "America/Ciudad_Juarez"};
    return one_of(random, zones);
}

std::string random_url(random_source& random)
{
    std::string url =
        "https://meet.example/" + std::to_string(pick(random, 1, 1'000'000)) + "?a=1&b='2'&c=%3Cx%3E";
    if (chance(random, 20))
        url.append(static_cast<std::size_t>(pick(random, 200, 1500)), 'x'); // does not fit into a location
    return url;
}

json::object random_body(random_source& random, const meeting_choices& choices)
{
    constexpr std::string_view exchanges_own =
        "<html>\r\n<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n"
        "</head>\r\n<body>\r\n";
    auto text = random_text(random, 60);
    if (choices.large_bodies && chance(random, 2))
        while (text.size() < 200'000)
            text += random_text(random, 2000);
    const std::array<std::string, 9> html{
        "<p>" + text + "</p>",
        "<html><head><title>T</title></head><body>" + text + "</body></html>",
        "<HTML><HEAD><META charset=utf-8></HEAD><BODY>" + text + "</BODY></HTML>",
        std::string(exchanges_own) + text +
            "\r\n</body>\r\n</html>\r\n", // as Exchange would have put around it
        text + "<div id=\"workestra-online-meeting\"><p>of another meeting</p></div>",
        "<body>" + text + "</body><!-- workestra-online-meeting -->",
        "<p></p>",
        "",
        " \r\n "};
    const std::array<std::string, 6> plain{
        text,
        "",
        "  ",
        "\n",
        text + "\n\n________________________________\nJoin online: https://meet.example/other\n",
        "________________________________\nJoin online: " + text};
    if (chance(random, 50))
        return {{"format", "html"}, {"content", chance(random, 40) ? html[0] : one_of(random, html)}};
    return {{"format", "text"}, {"content", chance(random, 40) ? plain[0] : one_of(random, plain)}};
}

json::array random_attendees(random_source& random, const meeting_choices& choices)
{
    constexpr std::array roles{"required", "optional", "resource"};
    auto people = choices.people;
    std::shuffle(people.begin(), people.end(), random);
    people.resize(static_cast<std::size_t>(pick(random, 0, std::min<std::int64_t>(4, std::ssize(people)))));
    json::array list;
    for (const auto& email : people) {
        json::object a{{"email", email}};
        if (chance(random, 60))
            a["role"] = one_of(random, roles);
        if (chance(random, 40))
            a["name"] = "N " + random_text(random, 20) + ".";
        list.push_back(std::move(a));
    }
    return list;
}

json::array random_categories(random_source& random)
{
    json::array list;
    for (auto n = pick(random, 0, 3); n > 0; --n)
        list.emplace_back("c" + std::to_string(n) + random_text(random, 10));
    return list;
}

json::value random_field(random_source& random, std::string_view name, const meeting_choices& choices)
{
    constexpr std::array shown{"busy", "free", "tentative", "oof", "working_elsewhere"};
    if (name == "time_zone")
        return random_zone(random);
    if (name == "body")
        return random_body(random, choices);
    if (name == "location")
        return json::value("at " + random_text(random, 40));
    if (name == "online_meeting_url")
        return json::value(random_url(random));
    if (name == "attendees")
        return random_attendees(random, choices);
    if (name == "show_as")
        return json::value(one_of(random, shown));
    if (name == "reminder_minutes")
        return json::value(pick(random, 0, 40'320));
    if (name == "private")
        return json::value(chance(random, 50));
    return random_categories(random);
}

constexpr std::array<std::string_view, 9> optional_fields{"time_zone",          "body",      "location",
                                                          "online_meeting_url", "attendees", "show_as",
                                                          "reminder_minutes",   "private",   "categories"};

// Puts the optional fields of `from` over `to`, and what null and absence mean.
void lay_over(json::object& to, const json::object& from)
{
    for (const auto name : optional_fields) {
        const auto* value = from.if_contains(name);
        if (!value)
            continue;
        if (!value->is_null())
            to[name] = *value;
        else if (name == "attendees" || name == "categories")
            to[name] = json::array{};
        else if (name == "show_as")
            to[name] = "busy";
        else if (name == "private")
            to[name] = false;
        else
            to.erase(name);
    }
}

std::string notify_of(const json::object& params)
{
    return params.contains("notify") ? text_at(params, "notify") : "all";
}

} // namespace

void meeting_model::create(const json::object& params)
{
    fields_ = {{"event_id", params.at("event_id")},
               {"subject", params.at("subject")},
               {"start", rfc3339(parse_form(text_at(params, "start")))},
               {"end", rfc3339(parse_form(text_at(params, "end")))},
               {"attendees", json::array{}},
               {"show_as", "busy"},
               {"private", false},
               {"categories", json::array{}}};
    lay_over(fields_, params);
    invited_ = false;
    if (notify_of(params) == "all") {
        tell("request", addresses());
        invited_ = !addresses().empty();
    }
}

bool meeting_model::update(const json::object& params)
{
    const auto& set = params.at("set").as_object();
    const auto time = [&](std::string_view name) {
        return set.contains(name) ? parse_form(text_at(set, name)) : parse_form(text_at(fields_, name));
    };
    if (time("end") <= time("start"))
        return false;
    const auto before = addresses();
    fields_["start"] = rfc3339(time("start"));
    fields_["end"] = rfc3339(time("end"));
    if (const auto* subject = set.if_contains("subject"))
        fields_["subject"] = *subject;
    lay_over(fields_, set);

    const auto after = addresses();
    const auto notify = notify_of(params);
    const auto without = [](const std::vector<std::string>& all, const std::vector<std::string>& those) {
        std::vector<std::string> rest;
        std::ranges::copy_if(all, std::back_inserter(rest),
                             [&](const auto& a) { return std::ranges::find(those, a) == those.end(); });
        return rest;
    };
    if (notify == "none")
        return true;
    const auto concerned = notify == "all" ? after : without(after, before);
    if (invited_)
        tell("cancel", without(before, after));
    tell(invited_ ? "update" : "request", concerned);
    invited_ = invited_ || !concerned.empty();
    return true;
}

void meeting_model::cancel(const json::object& params)
{
    if (notify_of(params) == "all" && invited_)
        tell("cancel", addresses());
}

json::object meeting_model::expected() const
{
    auto out = fields_;
    json::array attendees;
    for (const std::string_view role : {"required", "optional", "resource"})
        for (const auto& entry : fields_.at("attendees").as_array()) {
            const auto& a = entry.as_object();
            if (role != (a.contains("role") ? text_at(a, "role") : "required"))
                continue;
            const auto email = text_at(a, "email");
            const auto known = names_.find(email);
            attendees.push_back(json::object{{"email", email},
                                             {"role", role},
                                             {"name", known != names_.end() ? known->second
                                                      : a.contains("name")  ? text_at(a, "name")
                                                                            : email}});
        }
    out["attendees"] = std::move(attendees);
    return out;
}

std::vector<std::string> meeting_model::take_told()
{
    std::ranges::sort(told_);
    return std::exchange(told_, {});
}

std::vector<std::string> meeting_model::addresses() const
{
    std::vector<std::string> all;
    for (const auto& a : fields_.at("attendees").as_array())
        all.push_back(text_at(a.as_object(), "email"));
    return all;
}

void meeting_model::tell(std::string_view kind, const std::vector<std::string>& to)
{
    for (const auto& address : to)
        told_.push_back(std::string(kind) + " " + address);
}

json::object random_create(random_source& random, const std::string& event_id, const meeting_choices& choices)
{
    const auto start = new_year + pick(random, 0, 700 * day);
    json::object params{{"event_id", event_id},
                        {"subject", random_text(random, 60)},
                        {"start", random_form(random, start)},
                        {"end", random_form(random, start + pick(random, 1, 3 * day))}};
    for (const auto name : optional_fields)
        if (chance(random, 55))
            params[name] = random_field(random, name, choices);
    if (chance(random, 50))
        params["notify"] = chance(random, 60) ? "all" : "none";
    return params;
}

json::object random_update(random_source& random, const std::string& event_id, const meeting_model& now,
                           const meeting_choices& choices)
{
    json::object set;
    const auto start = parse_form(text_at(now.fields(), "start")),
               end = parse_form(text_at(now.fields(), "end"));
    while (set.empty()) {
        if (chance(random, 15))
            set["subject"] = random_text(random, 60);
        if (chance(random, 15)) // alone, over a change of clocks, past the end: all of it happens
            set["start"] = random_form(random, chance(random, 15) ? end + pick(random, 0, 100)
                                                                  : pick(random, start - 100 * day, end - 1));
        if (chance(random, 10))
            set["end"] = random_form(random, chance(random, 15) ? start - pick(random, 0, 100)
                                                                : pick(random, start + 1, end + 100 * day));
        if (set.contains("start") && set.contains("end") &&
            parse_form(text_at(set, "end")) <= parse_form(text_at(set, "start")))
            set.erase("end");
        for (const auto name : optional_fields)
            if (chance(random, 15))
                set[name] = chance(random, 25) ? json::value(nullptr) : random_field(random, name, choices);
    }
    json::object params{{"event_id", event_id}, {"set", std::move(set)}};
    constexpr std::array words{"all", "changed", "changed", "none"};
    if (chance(random, 75))
        params["notify"] = one_of(random, words);
    return params;
}

std::string random_text(random_source& random, int longest)
{
    constexpr std::array<std::string_view, 24> pieces{
        "plain words ",
        "]]>",
        "<![CDATA[",
        "&amp;",
        "<b>&</b>",
        "\"'",
        "\r\n",
        "\n",
        "\t",
        "\r",
        " ",
        "\xf0\x9f\x8e\x89",                             // a party popper
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", // a sequence of emoji
        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d ",            // Hebrew
        "\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7 ",    // Arabic
        "\xe2\x80\xae"
        "rtl\xe2\x80\xac", // marks of direction
        "e\xcc\x81",
        "\xc2\xa0",
        "\xc2\x85",
        "\xe2\x80\xa8",
        "\xef\xbf\xbd",
        "\xee\x80\x80",
        "\x7f",
        "\xf4\x8f\xbf\xbf"};
    std::string text;
    for (auto n = pick(random, 0, longest / 8); n > 0; --n)
        text += one_of(random, pieces);
    return text;
}

} // namespace relay::test
