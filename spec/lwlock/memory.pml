/*
 * memory.pml - what lwlock.pml shares: the lock, the records, the slots, the futexes; and how a
 * process is killed or stopped.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

/* ---- the lock ---- */

/* W.  The owner is named by slot and generation, the starving waiter by its slot alone. */
#define OWNER(i, g) ((i) + 1 | (g) << 3)
#define SLOT(o)     (((o) & 7) - 1)
#define OGEN(o)     ((o) >> 3)
byte owner, starving;
bool poison, xwait, swait, dpark, waking;

#if BITS == 1
#define GROUP(i) (i)
#elif BITS == 2
#define GROUP(i) ((i) > 0)
#else
#define GROUP(i) 0
#endif
#define BIT(i) (1 << GROUP(i))
byte RB;

/* ---- the backend slots ---- */

#define REC_N   1
#define REC_S   2
#define REC_XIN 3
#define RECORD(kind, g) ((kind) | (g) << 2)
#define KIND(r) ((r) & 3)
#define GEN(r)  ((r) >> 2)
byte rec[N];

/* The slot's identity word: a generation, and taken (joined or dead) or free. */
byte gen[N];
byte taken;

/* header.joined_slots */
#if LATE > 0
byte joined = N - LATE;
#else
#define joined N
#endif

/*
 * A futex counter only goes up, and is only ever compared with what was read from it.
 * So its value is kept as the set of backends whose reading is still what stands there:
 * reading it adds oneself, counting it up empties the set.  Sleepers are a set, too: the
 * protocol does not rely on the kernel's order among them.
 */
byte xcur, scur, dcur;
byte xq, sq, dq;

/* ---- what the model knows and the protocol does not ---- */

byte alive;        /* backends whose process lives; "proven dead" asks this */
byte retired;      /* backends that want nothing any more */
byte in_x, in_s;   /* live holders */
bool died_inside;  /* an exclusive holder died inside and nothing was repaired since */
byte kills = KILLS, rkills = RKILLS, reuse = REUSE, leaves = LEAVE;
#if STEPS > 0
byte steps = STEPS;
#endif
#if CUTS > 0
byte cuts = CUTS;
#endif
#if STOPS > 0
byte stops = STOPS;
#endif
#if STOPS > 0 || AWAY > 0
byte stopped;      /* backends that do not go on */
#else
#define stopped 0
#endif
#ifdef QUIET
byte quiet = QUIET;
byte ran_out;      /* sleepers whose sleep has run out in this round */
#endif
#ifdef STARVING
byte overtaken;    /* acquisitions by others since the starving waiter was named */
#endif
#ifdef TURNS
byte passed;       /* waiters that were overtaken, or that a release has woken */
#endif

/* An assertion that carries its invariant's name into pan's message. */
bit I1, I2, I3, I4, I6, I7, I8, I9, J1;
#define CHECK(invariant, condition) assert((condition) || invariant)

#define ME      (1 << me)
#define MYOWNER OWNER(me, gen[me])
#define I_STARVE (starving == me + 1)
#define MYRECORD(kind) RECORD(kind, gen[me])
#define DEAD(i) (!(alive & 1 << (i)))
#ifdef M_NEWCOMER_IGNORES_STARVING
#define OTHER_STARVES false
#else
#define OTHER_STARVES (starving != 0 && !I_STARVE)
#endif
#if defined(M_SHARED_IGNORES_POISON)
#define POISONED false
#else
#define POISONED poison
#endif

/* lock_blocks() */
#define BLOCKED (owner != 0 || POISONED && !repairs || OTHER_STARVES)
/* is_poisoned(): the acquire ends here, and the caller is told. */
#define TOLD (poison && owner == 0 && !repairs)
#define WORD_IS_0 (ONLY_FLAGS && !xwait && !swait && !waking)
#ifdef M_NEWCOMER_IGNORES_POISON
#define ONLY_FLAGS (owner == 0 && starving == 0 && !dpark)
#else
#define ONLY_FLAGS (owner == 0 && starving == 0 && !poison && !dpark)
#endif

/* Every live shared holder has its bit in RB, or an owner is at work that looks at it. */
#define GROUPS_IN_S ((in_s & 1 -> BIT(0) : 0) | (in_s & 2 -> BIT(1) : 0) | \
                     (in_s & 4 -> BIT(2) : 0) | (in_s & 8 -> BIT(3) : 0))
#define CHECK_READERS CHECK(I3, owner != 0 || (GROUPS_IN_S & ~RB) == 0)

/* A waiter is overtaken if another backend acquires, past all that wait.  One that a release wakes
   counts, too: it may have come so late that the lock was taken again before. */
#ifdef TURNS
#define WAITS(i) (rec[i] != 0 && !((in_x | in_s) & 1 << (i)) -> 1 << (i) : 0)
#if N == 2
#define ALL_WAITERS (WAITS(0) | WAITS(1))
#else
#define ALL_WAITERS (WAITS(0) | WAITS(1) | WAITS(2))
#endif
#define PASSES passed = (passed | ALL_WAITERS) & ~ME
#define RELEASE_WAKES(set) passed = passed | (set)
#else
#define PASSES skip
#define RELEASE_WAKES(set) skip
#endif

/* ---- being killed, being stopped ---- */

/* What a process keeps for itself; forget() clears it. */
#define LOCALS \
    byte old;         /* the wake-ups that are due: bits of W as they were */ \
    bool nobody;      /* wake-one found no sleeper */ \
    byte looked;      /* the bits of RB that the drain is about */ \
    byte i;           /* the slot that the drain looks at */ \
    bool try;         /* does not wait */ \
    bool repairs;     /* POISON does not stop it */ \
    bool stays;       /* a step of its wait is over, not the wait */ \
    bool parked;      /* in this wait, once at least */ \
    bool leaves_s;    /* it releases a shared hold */ \
    bool named;       /* it has named itself the starving waiter */ \
    bool woken;       /* its sleep on xfut has ended, and it has not looked at W since */ \
    bool slept;       /* a wake-up ended its sleep, and it has not looked at W since */ \
    byte turns;       /* how often it found the lock blocked after a wake-up */ \
    byte name;        /* of another starving waiter that it saw at a free lock */ \
    byte upto;        /* joined_slots as the drain has read it */ \
    byte d, g, seen   /* the slot and generation it recovers; the record as last read */

#define MAY_DIE (me < N && kills > 0 && (MORTAL & ME) || me >= N && rkills > 0)

inline forget() {
    xcur = xcur & ~ME; scur = scur & ~ME; dcur = dcur & ~ME;
    old = 0; nobody = false; looked = 0; i = 0; try = false; repairs = false; stays = false;
    parked = false; leaves_s = false; named = false; woken = false; slept = false; turns = 0;
    name = 0; upto = 0; d = 0; g = 0; seen = 0
}

inline bury() {
    d_step {
        if
        :: me < N ->
            kills--;
            alive = alive & ~ME;
            died_inside = died_inside || (in_x & ME);
            in_x = in_x & ~ME;
            in_s = in_s & ~ME;
            /* The kernel takes it out of its queues by itself. */
            xq = xq & ~ME; sq = sq & ~ME; dq = dq & ~ME
        :: else -> rkills--
        fi;
        forget()
    }
}

#define KILLED    atomic { MAY_DIE -> bury(); goto died }

/* Stopped for ever, while it holds nothing and owns nothing.  It stays in the kernel's queues,
   and its record stays. */
#if STOPS > 0
#define STOPPED \
    :: atomic { \
        me < N && stops > 0 && owner != MYOWNER && KIND(rec[me]) != REC_S -> \
        stops--; stopped = stopped | ME; forget(); goto left \
    }
#else
#define STOPPED
#endif

/* The `true` is needed: Spin merges an if that begins an option with the if around it, and
   then `else` would mean that being killed is not possible, either. */
#define STEP(...) if :: KILLED STOPPED :: atomic { true -> __VA_ARGS__ } fi

/* ---- futexes, as the kernel has them ---- */

#define READ_COUNTER(cur) cur = cur | ME
#define FORGET_READING(cur) cur = cur & ~ME
#define COUNT_UP(cur) cur = 0
/* Compares and enqueues in one; the sleeper goes on when it is no longer in the queue. */
#define FUTEX_WAIT(cur, q) \
    if \
    :: cur & ME -> cur = cur & ~ME; q = q | ME \
    :: else \
    fi
#define WAKE_ALL(q) q = 0
#define WAKE_ONE(q, nobody) \
    nobody = (q == 0); \
    if \
    :: q & 1 -> q = q & ~1 \
    :: q & 2 -> q = q & ~2 \
    :: q & 4 -> q = q & ~4 \
    :: q & 8 -> q = q & ~8 \
    :: q == 0 \
    fi

/* ---- when a sleep runs out ---- */

#if defined(QUIET)
/* In rounds: nobody's sleep runs out twice before everybody else's has run out. */
#define ROUND_IS_OVER (((xq | sq | dq) & ~ran_out & ~stopped) == 0)
#define SLEEP_MAY_END (timeout && quiet > 0 && (!(ran_out & ME) || ROUND_IS_OVER))
#define SLEEP_ENDS \
    if \
    :: ROUND_IS_OVER -> ran_out = 0; quiet-- \
    :: else \
    fi; \
    ran_out = ran_out | ME;
#define NOTHING_MOVES (timeout && (quiet == 0 || ((xq | sq | dq) & ~stopped) == 0))
#else
#define SLEEP_ENDS
#define NOTHING_MOVES timeout
#if defined(SPURIOUS)
#define SLEEP_MAY_END true
#elif defined(RECOVER)
#define DEAD_RECORD(i) (DEAD(i) && rec[i] != 0)
#if N == 2
#define SLEEP_MAY_END (DEAD_RECORD(0) || DEAD_RECORD(1))
#elif N == 3
#define SLEEP_MAY_END (DEAD_RECORD(0) || DEAD_RECORD(1) || DEAD_RECORD(2))
#else
#define SLEEP_MAY_END (DEAD_RECORD(0) || DEAD_RECORD(1) || DEAD_RECORD(2) || DEAD_RECORD(3))
#endif
#endif
#endif
