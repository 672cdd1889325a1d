#include "tests/support/relay_world.hpp"

#include <sys/file.h>
#include <unistd.h>

#include <fcntl.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <ostream>
#include <stdexcept>
#include <thread>

namespace relay::test {
namespace {

constexpr std::string_view account = "CORP\\workestra-svc";
constexpr std::string_view password =
    "s3cret & \xc3\xa4pfel";      // not only ASCII, and with what XML and URLs escape
constexpr auto fetch_margin = 5s; // an HTTP call lasts longer than the wait that is asked for in it

void write_file(const fs::path& file, std::string_view text)
{
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    if (!out)
        throw std::runtime_error("cannot write " + file.string());
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

std::string quoted(const fs::path& path)
{
    return "'" + path.string() + "'";
}

// Keys with their sections to a file: {"cloud.url", "'x'"} becomes [cloud] url = 'x'.
std::string toml(const configuration& c)
{
    std::string out, section;
    for (const auto& [key, value] : c) {
        const auto dot = key.find('.');
        if (value.empty())
            continue;
        if (key.substr(0, dot) != section)
            out += "[" + (section = key.substr(0, dot)) + "]\n";
        out += key.substr(dot + 1) + " = " + value + "\n";
    }
    return out;
}

std::vector<std::string> joined(std::vector<std::string> a, const std::vector<std::string>& b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

} // namespace

std::ostream& operator<<(std::ostream& out, const tally& t)
{
    return out << "{creates " << t.creates << ", updates " << t.updates << ", deletes " << t.deletes
               << ", invitations " << t.invitations << ", update_notices " << t.update_notices
               << ", cancellations " << t.cancellations << "}";
}

fs::path exchange_sim_program()
{
    return RELAY_EXCHANGE_SIM;
}

fs::path cloud_sim_program()
{
    return RELAY_CLOUD_SIM;
}

fs::path relay_program()
{
    return RELAY_PROGRAM;
}

fs::path development_pki()
{
    fs::path folder = RELAY_PKI;
    fs::create_directories(folder.parent_path());
    const auto lock_file = folder.string() + ".lock";
    const int lock = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || ::flock(lock, LOCK_EX) != 0)
        throw std::runtime_error("cannot lock " + lock_file);
    process maker(RELAY_MAKE_PKI,
                  {.arguments = {folder.string()}, .environment = {}, .standard_error = {}, .folder = {}});
    const auto code = maker.wait(60s * slowness());
    ::close(lock);
    if (code != 0)
        throw std::runtime_error(std::string(RELAY_MAKE_PKI) + " failed");
    return folder;
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit)
{
    const auto until = std::chrono::steady_clock::now() + limit * slowness();
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until)
            return false;
        std::this_thread::sleep_for(10ms);
    }
    return true;
}

relay_world::relay_world(world_options options) : options_(std::move(options)), pki_(development_pki())
{
    cloud_listen_ = "127.0.0.1:0";
    start_exchange();
    start_cloud();
    write_file(folder() / "exchange.password", std::string(password) + "\n");
    fs::create_directory(data_folder());
    fs::copy_file(pki_ / "cloud-ca.crt", folder() / "cloud-ca.crt"); // enrolling writes there
    configure();
    if (options_.start_agent) {
        start_agent();
        wait_connected();
    }
}

relay_world::~relay_world() = default;

void relay_world::start_exchange()
{
    exchange_.emplace(
        exchange_sim_program(),
        process::options{
            .arguments = joined({"--certificate", (pki_ / "exchange-server.crt").string(), "--key",
                                 (pki_ / "exchange-server.key").string(), "--account", std::string(account),
                                 "--password", std::string(password), "--account-email", "svc@corp.example",
                                 "--domain", "corp.example", "--mailboxes", "9"},
                                options_.exchange_arguments),
            .environment = {},
            .standard_error = folder() / "exchange-sim.log",
            .folder = {}});
    const auto ready = exchange_->ready();
    ews_url_ = ready.at("ews").as_string();
    exchange_control_ = std::make_unique<control>(std::string(ready.at("control").as_string()));
    exchange().post(
        "/mailboxes",
        {{"email", "host@corp.example"}, {"display_name", "Helga Host"}, {"impersonation", "allow"}});
    exchange().post(
        "/mailboxes",
        {{"email", "private@corp.example"}, {"display_name", "Pia Private"}, {"impersonation", "deny"}});
}

void relay_world::start_cloud()
{
    cloud_.emplace(
        cloud_sim_program(),
        process::options{.arguments = joined({"serve", "--certificate", (pki_ / "cloud-server.crt").string(),
                                              "--key", (pki_ / "cloud-server.key").string(), "--client-ca",
                                              (pki_ / "cloud-ca.crt").string(), "--client-ca-key",
                                              (pki_ / "cloud-ca.key").string(), "--store",
                                              (folder() / "cloud.db").string(), "--listen", cloud_listen_},
                                             options_.cloud_arguments),
                         .environment = {},
                         .standard_error = folder() / "cloud-sim.log",
                         .folder = {}});
    const auto ready = cloud_->ready();
    cloud_url_ = ready.at("url").as_string();
    const auto port_begin = cloud_url_.rfind(':') + 1;
    cloud_listen_ =
        "127.0.0.1:" + cloud_url_.substr(port_begin, cloud_url_.find('/', port_begin) - port_begin);
    cloud_control_ = std::make_unique<control>(std::string(ready.at("control").as_string()));
}

void relay_world::stop_cloud()
{
    cloud_->signal(SIGTERM);
    if (cloud_->wait() != 0)
        throw std::runtime_error("cloud-sim did not end in order");
}

void relay_world::configure(const fs::path& file, const configuration& more)
{
    configuration c{
        {"agent.name", "'test'"},
        {"agent.data_dir", quoted(data_folder())},
        {"agent.drain_timeout_s", "5"},
        {"cloud.url", "'" + cloud_url_ + "'"},
        {"cloud.certificate_file", quoted(pki_ / "agent.crt")},
        {"cloud.private_key_file", quoted(pki_ / "agent.key")},
        {"cloud.ca_file", quoted(folder() / "cloud-ca.crt")},
        {"exchange.url", "'" + ews_url_ + "'"},
        {"exchange.auth", "'basic'"},
        {"exchange.username", "'" + std::string(account) + "'"},
        {"exchange.password_file", quoted(folder() / "exchange.password")},
        {"exchange.ca_file", quoted(pki_ / "corp-ca.crt")},
        {"exchange.settle_s", "2"},
        {"exchange.timeout_s", "5"},
        {"log.level", "'debug'"},
        {"status.listen", "''"},
    };
    for (const configuration* laid_over : {static_cast<const configuration*>(&options_.config), &more})
        for (const auto& [key, value] : *laid_over)
            c[key] = value;
    write_file(file, toml(c));
}

void relay_world::enroll(const fs::path& file, const std::string& agent_id)
{
    constexpr int a_day = 86'400;
    cloud().put("/enrolment", {{"life_s", 400 * a_day}, {"age_s", 30 * a_day}});
    const auto token = cloud().post("/tokens", {{"agent_id", agent_id}}).at("token").as_string();
    const auto host = cloud_url_.substr(3, cloud_url_.rfind("/v1/") - 3);
    const auto done = run_to_end(relay_program(), {"enroll", "--config", file.string(), "--token",
                                                   std::string(token), "--url", "https" + host});
    if (done.code != 0)
        throw std::runtime_error("cannot enroll " + agent_id + ": " + done.err);
}

void relay_world::start_agent(const std::map<std::string, std::string>& environment)
{
    auto variables = environment;
    variables.insert(options_.environment.begin(), options_.environment.end());
    agent_.emplace(relay_program(), process::options{.arguments = {"run", "--config", config_file().string()},
                                                     .environment = std::move(variables),
                                                     .standard_error = folder() / "agent.log",
                                                     .folder = {}});
}

bool relay_world::connected()
{
    const auto sessions = cloud().get("/agents");
    for (const auto& session : sessions.as_array())
        if (session.at("connected").as_bool() && session.at("welcomed").as_bool())
            return true;
    return false;
}

void relay_world::wait_connected(std::chrono::milliseconds limit)
{
    if (!eventually([&] { return !agent_->running() || connected(); }, limit) || !agent_->running())
        throw std::runtime_error("the agent did not connect; its log ends:\n" + agent_log_tail());
}

std::optional<int> relay_world::stop_agent()
{
    agent_->signal(SIGTERM);
    return agent_->wait();
}

std::string relay_world::agent_log() const
{
    std::ifstream in(folder() / "agent.log", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string relay_world::agent_log_tail(std::size_t bytes) const
{
    auto log = agent_log();
    return log.size() > bytes ? log.substr(log.size() - bytes) : log;
}

std::string relay_world::send(std::string_view op, std::string_view mailbox, json::object params,
                              json::object more)
{
    json::object command = std::move(more);
    command["op"] = op;
    if (!mailbox.empty())
        command["mailbox"] = mailbox;
    command["params"] = std::move(params);
    return std::string(cloud().post("/commands", command).at("id").as_string());
}

json::object relay_world::result(std::string_view id, std::chrono::milliseconds limit)
{
    const auto patience = limit * slowness();
    stand_in::control_client client(cloud().url());
    const auto target = "/commands/" + std::string(id) + "?wait_ms=" + std::to_string(patience.count());
    auto reply = client.call("GET", target, nullptr, patience + fetch_margin);
    if (reply.has_error() || reply->status != 200)
        throw std::runtime_error("no result of " + std::string(id) + "; the agent's log ends:\n" +
                                 agent_log_tail());
    return reply->body.at("result").as_object();
}

json::object relay_world::call(std::string_view op, std::string_view mailbox, json::object params,
                               json::object more)
{
    return result(send(op, mailbox, std::move(params), std::move(more)));
}

json::object relay_world::record(std::string_view id)
{
    return cloud().get("/commands/" + std::string(id)).as_object();
}

bool relay_world::accepted(std::string_view id)
{
    return eventually([&] { return record(id).at("accepted").to_number<int>() > 0; });
}

tally relay_world::ledger()
{
    const auto all = exchange().get("/ledger").as_object();
    const auto count = [&](const char* list, const char* field, std::string_view value) {
        const auto& entries = all.at(list).as_array();
        return static_cast<int>(std::count_if(entries.begin(), entries.end(), [&](const json::value& e) {
            return e.as_object().at(field).as_string() == value;
        }));
    };
    return {.creates = count("writes", "operation", "create"),
            .updates = count("writes", "operation", "update"),
            .deletes = count("writes", "operation", "delete"),
            .invitations = count("notifications", "kind", "request"),
            .update_notices = count("notifications", "kind", "update"),
            .cancellations = count("notifications", "kind", "cancel")};
}

json::array relay_world::items(std::string_view mailbox, std::string_view folder)
{
    json::array out;
    const auto all = exchange().get("/mailboxes/" + std::string(mailbox) + "/items");
    for (const auto& item : all.as_array())
        if (item.as_object().at("folder").as_string() == folder)
            out.push_back(item);
    return out;
}

int relay_world::requests(std::string_view operation)
{
    const auto stats = exchange().get("/stats").as_object();
    const auto* count = stats.at("requests").as_object().if_contains(operation);
    return count ? count->to_number<int>() : 0;
}

json::object booking(std::string_view event_id, std::string_view start, std::string_view end)
{
    return {{"event_id", event_id},
            {"subject", "Viewing"},
            {"start", start},
            {"end", end},
            {"time_zone", "Europe/Berlin"},
            {"attendees",
             json::array{{{"email", "user1@corp.example"}, {"name", "User One"}, {"role", "required"}},
                         {{"email", "guest@elsewhere.example"}, {"role", "optional"}}}}};
}

json::object planted_booking(std::string_view event_id)
{
    auto params = booking(event_id);
    params["subject"] = "PlantedSubject";
    params["location"] = "PlantedLocation";
    params["body"] = json::object{{"format", "text"}, {"content", "PlantedBody"}};
    params["attendees"] =
        json::array{{{"email", "planted.guest@elsewhere.example"}, {"name", "Planted Guest"}}};
    return params;
}

std::string outcome(const json::object& result)
{
    if (result.at("ok").as_bool())
        return "ok";
    return std::string(result.at("error").as_object().at("code").as_string());
}

} // namespace relay::test
