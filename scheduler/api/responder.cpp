// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/post.hpp>

#include "scheduler/api/connection.h"
#include "scheduler/api/problem.h"

namespace sovren::api {
namespace {

/// Calls work(connection) on the network thread, if the client is still there.
template <class Work>
void on_network(Gate& gate, const std::weak_ptr<Connection>& connection, Work work) {
  gate.post([connection, work = std::move(work)]() mutable {
    if (const auto alive = connection.lock()) work(*alive);
  });
}

}  // namespace

void Gate::post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (io_ != nullptr) asio::post(*io_, std::move(work));
}

void Gate::shut() {
  const std::lock_guard lock(mutex_);
  io_ = nullptr;
}

Responder::Answer::~Answer() {
  give(problem_of({.code = Code::bug, .what = "the request was dropped without an answer"}));
}

void Responder::Answer::give(Response response) {
  if (is_given_.exchange(true)) return;
  on_network(*gate_, connection_, [response = std::move(response)](Connection& connection) mutable {
    connection.answer(std::move(response));
  });
}

std::shared_ptr<EventStream> Responder::Answer::open_stream() {
  auto wake = [connection = connection_, gate = gate_] {
    on_network(*gate, connection, [](Connection& alive) { alive.pump(); });
  };
  auto stream = std::make_shared<EventStream>(stream_bytes_max_, std::move(wake));
  if (is_given_.exchange(true) || connection_.expired()) {
    stream->abandon();
    return stream;
  }
  on_network(*gate_, connection_, [stream](Connection& connection) { connection.answer(stream); });
  return stream;
}

void Responder::send(Response response) const {
  answer_->give(std::move(response));
}

std::shared_ptr<EventStream> Responder::open_stream() const {
  return answer_->open_stream();
}

}  // namespace sovren::api
