// The SQLite file of cloud-sim: one transaction a batch, durable when write() returns.
#pragma once

#include "tests/stand_ins/cloud/rows.hpp"

#include <memory>
#include <string>

namespace relay::cloud_sim {

// Used by one thread at a time. Every function throws std::runtime_error with SQLite's reason: a stand-in that cannot
// store has nothing left to do.
class database {
public:
    explicit database(const std::string& path); // made where it is missing
    ~database();
    database(database&&) noexcept;

    contents load();
    void write(const std::vector<row>& rows);

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace relay::cloud_sim
