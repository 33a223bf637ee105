// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace sovren::api {

/// Server-sent events on their way to one watcher.
///
/// Model    open -> (lagged) -> closed. A watcher that reads too slowly loses what is queued, is
///          told `event: lagged` and closed; it comes back with the last id that it has seen. It
///          never holds others up.
/// Threads  any.
class EventStream {
 public:
  /// queued_bytes_max: what may wait for the watcher. wake: called when there is something to take
  /// after there was not, without a lock held.
  EventStream(std::size_t queued_bytes_max, std::function<void()> wake)
      : queued_bytes_max_(queued_bytes_max), wake_(std::move(wake)) {}

  /// id and event hold no line breaks; an empty id leaves the watcher's last id as it is. Does
  /// nothing once the stream is closed.
  void send(std::string_view id, std::string_view event, std::string_view data);

  /// Ends the stream after what is queued.
  void close();

  /// False: nobody reads any more; the sender may forget the stream.
  bool is_open() const;

  // For the connection.

  struct Batch {
    std::string bytes;     ///< empty: nothing is queued
    bool is_last = false;  ///< nothing comes after these
  };
  Batch take();
  /// The watcher has gone.
  void abandon();

 private:
  enum class Stage { open, closing, closed };
  /// What must be called once the lock is gone.
  std::function<void()> wake_once();

  const std::size_t queued_bytes_max_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::string queued_;
  Stage stage_ = Stage::open;
  bool is_awake_ = false;  ///< wake_ was called and take() has not emptied the queue since
};

}  // namespace sovren::api
