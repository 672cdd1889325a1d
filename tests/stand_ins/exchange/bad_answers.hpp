// The answers of a bad day: what a fault puts in place of an operation's answer.
#pragma once

#include "tests/stand_ins/exchange/faults.hpp"
#include "tests/stand_ins/exchange/product.hpp"
#include "tests/stand_ins/exchange/reply.hpp"

namespace relay::exchange_sim {

// A SOAP fault with the code and the form that `f` names.
reply soap_fault_of(const fault& f);

// Takes the elements called `f.element` out of `good`, but the first `f.keep` of them.
void remove_elements(const fault& f, reply& good);

// `good` is the answer that would have been sent; it is used by those that spoil it: spoils_answer(). Not for delay, late, error,
// unauthorized and foreign, which need more than an answer.
reply bad_answer(const fault& f, const product& server, reply good);

} // namespace relay::exchange_sim
