// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/port/pool_host.h"
#include "slurm/bridge/pool_site.h"
#include "slurm/bridge/site_command.h"

namespace sovren::slurm {

struct PoolDriverSettings {
  PoolPlace place;
  std::function<std::string(const NodeWish&)> script;  ///< what an allocation runs
  double tick_s = 2;           ///< between two looks while something is about to change
  double calm_tick_s = 10;     ///< else
  double backoff_max_s = 300;  ///< the pause doubles up to this while the site does not answer
};

/// Gets the nodes of pools from a Slurm site: each allocation is one batch job, which becomes an
/// agent.
///
/// Model    One squeue a tick for all allocations, by their names; then scancel for all that are
///          given back, and an sbatch for each that is wanted. An sbatch whose answer got lost is
///          looked for by its name before it is asked again. Nothing is asked while no allocation
///          is known.
/// Errors   of the site: it is silent (silence(), asked again later), or refuses (news). It is
///          believed that an allocation is gone when two whole answers do not list it.
/// Threads  the PoolHost's methods: any. The site's programs run on a thread of the driver's own;
///          tick() is for tests, without start().
class PoolDriver final : public PoolHost {
 public:
  PoolDriver(SiteCommand command, PoolDriverSettings settings);
  PoolDriver(const PoolDriver&) = delete;
  PoolDriver& operator=(const PoolDriver&) = delete;
  ~PoolDriver() override;  ///< waits for a program of the site that still runs

  /// on_news: called on the driver's thread when poll() or silence() has something new.
  void start(std::function<void()> on_news);

  void ask(const NodeWish& wish) override;
  void give_back(AllocationId allocation) override;
  std::vector<PoolNews> poll() override;
  std::string silence() override;

  /// One round; returns after how many seconds the next is due. Below 0: when there is something
  /// new to do.
  double tick();

 private:
  struct Entry {
    NodeWish wish;
    std::string site_job;    ///< empty: not asked for, or not known
    bool must_look = false;  ///< the site may have it without our knowing
    bool is_started = false;
    bool is_given_back = false;
    int cancels = 0;  ///< ticks since scancel was last sent; 0: never
    int missing = 0;  ///< answers in a row that did not list it
  };

  void run();
  void take_wishes();
  Result<void> look();
  void see(Entry& entry, const PoolRow& row);
  void note_missing(Entry& entry);
  void drop_unasked();
  void cancel();
  void ask_site();
  Result<std::string> submit(const Entry& entry);
  void tell(const Entry& entry, decltype(PoolNews::what) what);
  void note_silence(const std::string& why);
  double pause_s() const;

  SiteCommand command_;
  PoolDriverSettings settings_;

  // The driver's thread.
  std::map<AllocationId, Entry> entries_;
  std::set<AllocationId> over_;  ///< in this round
  int failures_ = 0;             ///< of the site to answer, in a row

  std::mutex mutex_;
  std::condition_variable something_;
  std::vector<NodeWish> wishes_;
  std::vector<AllocationId> given_back_;
  std::vector<PoolNews> news_;
  std::string silence_;
  bool has_news_ = false;
  bool is_stopping_ = false;
  std::function<void()> on_news_;
  std::thread thread_;
};

}  // namespace sovren::slurm
