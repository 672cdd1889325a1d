#include "tests/chaos/second_agent.hpp"

namespace relay::chaos {

second_agent::second_agent(lab& l, std::string id, test::configuration settings)
    : lab_(l),
      id_(std::move(id)),
      data_(l.world().folder() / "other"),
      config_(l.world().folder() / "other.toml")
{
    fs::create_directory(data_);
    settings["agent.data_dir"] = "'" + data_.string() + "'";
    settings["agent.name"] = "'other'";
    lab_.world().configure(config_, settings);
    lab_.world().enroll(config_, id_);
}

void second_agent::revive()
{
    if (process_ && process_->running())
        return;
    process_.emplace(test::relay_program(),
                     test::process::options{.arguments = {"run", "--config", config_.string()},
                                            .environment = {},
                                            .standard_error = lab_.world().folder() / "other.log",
                                            .folder = {}});
    lab_.note("start " + id_);
}

void second_agent::kill()
{
    if (!process_)
        return;
    process_->kill();
    lab_.note("kill " + id_);
}

bool second_agent::connected()
{
    const auto agents = lab_.world().cloud().get("/agents");
    for (const auto& a : agents.as_array()) {
        const auto* hello = a.as_object().at("hello").if_object();
        if (hello && text_of(hello->at("agent").as_object(), "id") == id_)
            return a.as_object().at("connected").as_bool() && a.as_object().at("welcomed").as_bool();
    }
    return false;
}

} // namespace relay::chaos
