BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE nas_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT nas_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "nas_alembic_version" VALUES('0005');
CREATE TABLE nas_artifacts (
	name VARCHAR(128) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	details JSON NOT NULL, 
	content BLOB NOT NULL, 
	updated_at FLOAT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE nas_audits (
	audit_id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	done INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	trials INTEGER NOT NULL, 
	tau FLOAT NOT NULL, 
	taken_at FLOAT NOT NULL, 
	PRIMARY KEY (audit_id), 
	FOREIGN KEY(study_id) REFERENCES nas_studies (study_id) ON DELETE CASCADE
);
CREATE TABLE nas_confirmations (
	confirmation_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	seed INTEGER NOT NULL, 
	accuracy FLOAT, 
	curve JSON NOT NULL, 
	latency JSON, 
	train_s FLOAT NOT NULL, 
	measure_s FLOAT NOT NULL, 
	failure_cause VARCHAR(64), 
	failure_message TEXT, 
	environment VARCHAR(32), 
	finished_at FLOAT NOT NULL, latencies JSON, 
	PRIMARY KEY (confirmation_id), 
	UNIQUE (trial_id, seed), 
	FOREIGN KEY(trial_id) REFERENCES nas_trials (trial_id) ON DELETE CASCADE, 
	FOREIGN KEY(environment) REFERENCES nas_environments (digest)
);
CREATE TABLE nas_curve_points (
	trial_id INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	accuracy FLOAT NOT NULL, 
	loss FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, 
	PRIMARY KEY (trial_id, epoch), 
	FOREIGN KEY(trial_id) REFERENCES nas_trials (trial_id) ON DELETE CASCADE
);
INSERT INTO "nas_curve_points" VALUES(1,1,0.112,2.31318203608194972176e+00,4.87021061299992652493e+00);
INSERT INTO "nas_curve_points" VALUES(2,1,0.096,2.3086653550465903173e+00,1.11493370939999749682e+01);
INSERT INTO "nas_curve_points" VALUES(3,1,0.177,2.21933237711588526863e+00,9.61335828300002503965e+00);
CREATE TABLE nas_environments (
	digest VARCHAR(32) NOT NULL, 
	details JSON NOT NULL, 
	PRIMARY KEY (digest)
);
INSERT INTO "nas_environments" VALUES('4db9ccac27982e390c9815c7a7618c98','{"python": "3.11.7", "platform": "Linux-6.18.44-fc-v782-x86_64-with-glibc2.36", "processor": "AMD EPYC", "cores": 2, "device": "cpu", "hybrid-nas": "0.1.0", "torch": "2.15.0", "ray": "2.60.0", "optuna": "5.0.0", "training": "fp32 channels_last"}');
CREATE TABLE "nas_measurements" (
	measurement_id INTEGER NOT NULL, 
	metric VARCHAR(32) NOT NULL, 
	unit VARCHAR(16) NOT NULL, 
	count INTEGER NOT NULL, 
	median FLOAT NOT NULL, 
	iqr FLOAT NOT NULL, 
	quantiles JSON NOT NULL, 
	samples JSON NOT NULL, 
	fingerprint JSON NOT NULL, 
	taken_at FLOAT NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	digest VARCHAR(32) NOT NULL, 
	architecture JSON, 
	thrown INTEGER DEFAULT '0' NOT NULL, 
	margin FLOAT DEFAULT '1' NOT NULL, 
	precision FLOAT DEFAULT '1' NOT NULL, 
	drift FLOAT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (measurement_id), 
	CONSTRAINT nas_measurements_once UNIQUE ("key", digest, metric, taken_at)
);
INSERT INTO "nas_measurements" VALUES(1,'latency_ms','ms',16,2.01141949992234,1.2307599973837568541e-01,'{"p10": 1.7959855000526659, "p25": 1.9365165001090645, "p75": 2.05959249984744, "p90": 2.0859795000660597, "p99": 2.111715250009638}','[1.7524489999232173, 1.7687990000467835, 1.8231720000585483, 1.9122690000585862, 1.9445990001258906, 1.9712490000074467, 1.9855769999139739, 1.9866479999564035, 2.0361909998882766, 2.048915000159468, 2.0510290000856912, 2.059113999848705, 2.0610279998436454, 2.0804440000574687, 2.0915150000746507, 2.1152799999981653]','{"target": "cpu", "runtime": "torch 2.15.0+cu132 eager", "device": "AMD EPYC", "threads": 1, "batch": 1, "precision": "fp32", "channels_last": "yes", "input": "reference", "reference": "reference-2"}',1.79597725998129320148e+09,'reference-2','cfee05c8170459460c4105c5cb786a3e',NULL,723,9.01927718432074115861e-02,0.005,0.0);
INSERT INTO "nas_measurements" VALUES(2,'latency_ms','ms',5,0.35548,1.00930000000000019699e-01,'{"p10": 0.234298, "p25": 0.29929, "p75": 0.40022, "p90": 1.1492300000000002, "p99": 1.598636}','[0.40022, 0.35548, 1.64857, 0.29929, 0.19097]','{"target": "cpu", "runtime": "torch 2.15.0+cu132 eager", "device": "AMD EPYC", "threads": 1, "batch": 1, "precision": "fp32", "channels_last": "yes", "input": "1x14x14", "reference": "reference-2"}',1.79597732402139139175e+09,'77b2564c1b09b01afa74d131bf38657d','454c0ffea47d793c3d17c3b10f7a3d2c','{"recipe": "plain", "blueprint": {"stem": {"kernel": 3, "stride": 2, "convs": 2}, "downsample": "conv_pool", "activation": "hard_swish", "block": "residual"}, "stages": [{"mixer": "inverted_bottleneck", "depth": 2, "width": 8, "mlp_ratio": 2}, {"mixer": "identity", "depth": 0, "width": 16}, {"mixer": "inverted_bottleneck", "depth": 2, "width": 64, "mlp_ratio": 0}]}',20,1.0,0.005,3.22779261128752370524e+00);
INSERT INTO "nas_measurements" VALUES(3,'latency_ms','ms',5,1.17133,1.3743000000000016314e-01,'{"p10": 1.117786, "p25": 1.13251, "p75": 1.26994, "p90": 1.31314, "p99": 1.33906}','[1.26994, 1.34194, 1.17133, 1.10797, 1.13251]','{"target": "cpu", "runtime": "torch 2.15.0+cu132 eager", "device": "AMD EPYC", "threads": 1, "batch": 1, "precision": "fp32", "channels_last": "yes", "input": "1x14x14", "reference": "reference-2"}',1.79597733104311823842e+09,'ef0985fd1082c77556aafbd9b5efa1ea','454c0ffea47d793c3d17c3b10f7a3d2c','{"recipe": "plain", "blueprint": {"stem": {"kernel": 3, "stride": 1}}, "stages": [{"mixer": "identity", "depth": 0, "width": 16}, {"mixer": "inverted_bottleneck", "depth": 2, "width": 32, "mlp_ratio": 2}, {"mixer": "dense_conv", "depth": 1, "width": 96, "mlp_ratio": 2}]}',59,1.0,0.005,2.88843525772132458939e-01);
INSERT INTO "nas_measurements" VALUES(4,'latency_ms','ms',5,1.14164,2.79126,'{"p10": 0.49636199999999997, "p25": 0.5124, "p75": 3.30366, "p90": 4.07472, "p99": 4.537356}','[0.48567, 3.30366, 0.5124, 1.14164, 4.58876]','{"target": "cpu", "runtime": "torch 2.15.0+cu132 eager", "device": "AMD EPYC", "threads": 1, "batch": 1, "precision": "fp32", "channels_last": "yes", "input": "1x14x14", "reference": "reference-2"}',1.79597734412302160265e+09,'67fad9bb5b2a357787d5c177ee6348c7','454c0ffea47d793c3d17c3b10f7a3d2c','{"recipe": "plain", "blueprint": {"stem": {"kernel": 3, "stride": 2}, "block": "residual"}, "stages": [{"mixer": "fused_inverted_bottleneck", "depth": 2, "width": 32, "mlp_ratio": 0}, {"mixer": "fused_inverted_bottleneck", "depth": 3, "width": 64, "mlp_ratio": 2}, {"mixer": "identity", "depth": 0, "width": 64}]}',37,1.0,0.005,3.32770712571860860506e-01);
CREATE TABLE nas_profiles (
	profile_id INTEGER NOT NULL, 
	space VARCHAR(64) NOT NULL, 
	space_key VARCHAR(32) NOT NULL, 
	digest VARCHAR(32) NOT NULL, 
	fingerprint JSON NOT NULL, 
	errors JSON NOT NULL, 
	created_at FLOAT NOT NULL, 
	PRIMARY KEY (profile_id)
);
CREATE TABLE nas_studies (
	study_id INTEGER NOT NULL, 
	settings JSON NOT NULL, 
	created_at FLOAT NOT NULL, 
	driver JSON, stop_asked_at FLOAT, 
	PRIMARY KEY (study_id)
);
INSERT INTO "nas_studies" VALUES(1,'{"space": "hybrid-16", "space_key": "600313c22445", "evaluator": "proxy", "dataset": "digits", "input": {"channels": 1, "height_px": 14, "width_px": 14, "classes": 10}, "latency_input": {"channels": 1, "height_px": 14, "width_px": 14, "classes": 10}, "epochs": 1, "train_size": 100, "batch_size": 32, "learning_rate": 0.003, "training_recipe": {"epochs": 1, "batch_size": 32, "learning_rate": 0.003, "weight_decay": 0.05, "name": "policy", "optimiser": "muon", "vector_decay": false, "schedule": "one_cycle", "warm_up": 0.2, "label_smoothing": 0.0, "mirror": "random", "whiten": true, "fast_statistics": true, "folds": 1, "time_s": null, "rand_augment_ops": 0, "rand_augment_magnitude": 9, "mixup": 0.0, "cutmix": 0.0, "erasing": 0.0, "drop_path": 0.0, "ema_decay": 0.0}, "device": "cpu", "objectives": ["accuracy", "latency_ms"], "target": "cpu", "fingerprint": {"target": "cpu", "runtime": "torch 2.15.0+cu132 eager", "device": "AMD EPYC", "threads": 1, "batch": 1, "precision": "fp32", "channels_last": "yes", "input": "1x14x14", "reference": "reference-2"}, "further_targets": {}, "latency_precision": 0.005, "max_latency_ms": null, "seed": 0}',1.79597721757103204729e+09,NULL,NULL);
CREATE TABLE nas_trial_measurements (
	trial_id INTEGER NOT NULL, 
	target VARCHAR(128) NOT NULL, 
	measurement_id INTEGER NOT NULL, 
	PRIMARY KEY (trial_id, target), 
	FOREIGN KEY(trial_id) REFERENCES nas_trials (trial_id) ON DELETE CASCADE, 
	FOREIGN KEY(measurement_id) REFERENCES nas_measurements (measurement_id)
);
INSERT INTO "nas_trial_measurements" VALUES(1,'',2);
INSERT INTO "nas_trial_measurements" VALUES(2,'',3);
INSERT INTO "nas_trial_measurements" VALUES(3,'',4);
CREATE TABLE nas_trials (
	trial_id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	architecture JSON NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	seed INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	started_at FLOAT NOT NULL, 
	finished_at FLOAT, 
	accuracy FLOAT, 
	parameters INTEGER, 
	train_s FLOAT, 
	measure_s FLOAT, 
	failure_cause VARCHAR(64), 
	failure_message TEXT, 
	environment VARCHAR(32), costs JSON, 
	PRIMARY KEY (trial_id), 
	UNIQUE (study_id, number), 
	FOREIGN KEY(study_id) REFERENCES nas_studies (study_id) ON DELETE CASCADE, 
	FOREIGN KEY(environment) REFERENCES nas_environments (digest)
);
INSERT INTO "nas_trials" VALUES(1,1,0,'77b2564c1b09b01afa74d131bf38657d','{"recipe": "plain", "blueprint": {"stem": {"kernel": 3, "stride": 2, "convs": 2}, "downsample": "conv_pool", "activation": "hard_swish", "block": "residual"}, "stages": [{"mixer": "inverted_bottleneck", "depth": 2, "width": 8, "mlp_ratio": 2}, {"mixer": "identity", "depth": 0, "width": 16}, {"mixer": "inverted_bottleneck", "depth": 2, "width": 64, "mlp_ratio": 0}]}','complete',344284501,1,1.79597727059548759455e+09,1.79597732946483612057e+09,0.112,86470,4.87021061299992652493e+00,1.61985531499999524385e+00,NULL,NULL,'4db9ccac27982e390c9815c7a7618c98','{"macs": 604484}');
INSERT INTO "nas_trials" VALUES(2,1,1,'ef0985fd1082c77556aafbd9b5efa1ea','{"recipe": "plain", "blueprint": {"stem": {"kernel": 3, "stride": 1}}, "stages": [{"mixer": "identity", "depth": 0, "width": 16}, {"mixer": "inverted_bottleneck", "depth": 2, "width": 32, "mlp_ratio": 2}, {"mixer": "dense_conv", "depth": 1, "width": 96, "mlp_ratio": 2}]}','complete',1041110683,1,1.79597732957798409464e+09,1.79597734225777029993e+09,0.096,182650,1.11493370939999749682e+01,1.31220642099992801377e+00,NULL,NULL,'4db9ccac27982e390c9815c7a7618c98','{"macs": 3931392}');
INSERT INTO "nas_trials" VALUES(3,1,2,'67fad9bb5b2a357787d5c177ee6348c7','{"recipe": "plain", "blueprint": {"stem": {"kernel": 3, "stride": 2}, "block": "residual"}, "stages": [{"mixer": "fused_inverted_bottleneck", "depth": 2, "width": 32, "mlp_ratio": 0}, {"mixer": "fused_inverted_bottleneck", "depth": 3, "width": 64, "mlp_ratio": 2}, {"mixer": "identity", "depth": 0, "width": 64}]}','complete',1060672247,1,1.79597734233958840365e+09,1795977354.20653,0.177,395114,9.61335828300002503965e+00,1.6109847879999961151e+00,NULL,NULL,'4db9ccac27982e390c9815c7a7618c98','{"macs": 7182752}');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'today');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
INSERT INTO "study_directions" VALUES(2,'MINIMIZE',1,1);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,1,'study:metric_names','["accuracy", "latency_ms"]');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'settings','{"space": "hybrid-16", "space_key": "600313c22445", "evaluator": "proxy", "dataset": "digits", "input": {"channels": 1, "height_px": 14, "width_px": 14, "classes": 10}, "latency_input": {"channels": 1, "height_px": 14, "width_px": 14, "classes": 10}, "epochs": 1, "train_size": 100, "batch_size": 32, "learning_rate": 0.003, "training_recipe": {"epochs": 1, "batch_size": 32, "learning_rate": 0.003, "weight_decay": 0.05, "name": "policy", "optimiser": "muon", "vector_decay": false, "schedule": "one_cycle", "warm_up": 0.2, "label_smoothing": 0.0, "mirror": "random", "whiten": true, "fast_statistics": true, "folds": 1, "time_s": null, "rand_augment_ops": 0, "rand_augment_magnitude": 9, "mixup": 0.0, "cutmix": 0.0, "erasing": 0.0, "drop_path": 0.0, "ema_decay": 0.0}, "device": "cpu", "objectives": ["accuracy", "latency_ms"], "target": "cpu", "fingerprint": {"target": "cpu", "runtime": "torch 2.15.0+cu132 eager", "device": "AMD EPYC", "threads": 1, "batch": 1, "precision": "fp32", "channels_last": "yes", "input": "1x14x14", "reference": "reference-2"}, "further_targets": {}, "latency_precision": 0.005, "max_latency_ms": null, "seed": 0}');
INSERT INTO "study_user_attributes" VALUES(2,1,'nas_created_at','1795977217.571032');
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'stem',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3/1", "2*3x3/2", "3x3/2"]}}');
INSERT INTO "trial_params" VALUES(2,1,'downsample',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["pool", "recipe", "conv_pool"]}}');
INSERT INTO "trial_params" VALUES(3,1,'activation',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["recipe", "hard_swish"]}}');
INSERT INTO "trial_params" VALUES(4,1,'block',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["recipe", "residual"]}}');
INSERT INTO "trial_params" VALUES(5,1,'stage1.mixer',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["pool", "inverted_bottleneck", "dense_conv", "fused_inverted_bottleneck"]}}');
INSERT INTO "trial_params" VALUES(6,1,'stage1.depth',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(7,1,'stage1.width',8.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(8,1,'stage1.mlp_ratio',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 2, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(9,1,'stage2.mixer',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["pool", "inverted_bottleneck", "dense_conv", "attention", "fused_inverted_bottleneck"]}}');
INSERT INTO "trial_params" VALUES(10,1,'stage2.depth',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 3}}');
INSERT INTO "trial_params" VALUES(11,1,'stage2.width',16.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 16, "low": 16, "high": 64}}');
INSERT INTO "trial_params" VALUES(12,1,'stage2.mlp_ratio',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 2, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(13,1,'stage3.mixer',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["pool", "inverted_bottleneck", "dense_conv", "attention", "fused_inverted_bottleneck"]}}');
INSERT INTO "trial_params" VALUES(14,1,'stage3.depth',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(15,1,'stage3.width',64.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 32, "low": 32, "high": 128}}');
INSERT INTO "trial_params" VALUES(16,1,'stage3.mlp_ratio',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 2, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(17,2,'stem',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3/1", "2*3x3/2", "3x3/2"]}}');
INSERT INTO "trial_params" VALUES(18,2,'downsample',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["pool", "recipe", "conv_pool"]}}');
INSERT INTO "trial_params" VALUES(19,2,'activation',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["recipe", "hard_swish"]}}');
INSERT INTO "trial_params" VALUES(20,2,'block',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["recipe", "residual"]}}');
INSERT INTO "trial_params" VALUES(21,2,'stage1.mixer',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["pool", "inverted_bottleneck", "dense_conv", "fused_inverted_bottleneck"]}}');
INSERT INTO "trial_params" VALUES(22,2,'stage1.depth',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(23,2,'stage1.width',16.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(24,2,'stage1.mlp_ratio',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 2, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(25,2,'stage2.mixer',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["pool", "inverted_bottleneck", "dense_conv", "attention", "fused_inverted_bottleneck"]}}');
INSERT INTO "trial_params" VALUES(26,2,'stage2.depth',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 3}}');
INSERT INTO "trial_params" VALUES(27,2,'stage2.width',32.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 16, "low": 16, "high": 64}}');
INSERT INTO "trial_params" VALUES(28,2,'stage2.mlp_ratio',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 2, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(29,2,'stage3.mixer',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["pool", "inverted_bottleneck", "dense_conv", "attention", "fused_inverted_bottleneck"]}}');
INSERT INTO "trial_params" VALUES(30,2,'stage3.depth',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(31,2,'stage3.width',96.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 32, "low": 32, "high": 128}}');
INSERT INTO "trial_params" VALUES(32,2,'stage3.mlp_ratio',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 2, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(33,3,'stem',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["3x3/1", "2*3x3/2", "3x3/2"]}}');
INSERT INTO "trial_params" VALUES(34,3,'downsample',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["pool", "recipe", "conv_pool"]}}');
INSERT INTO "trial_params" VALUES(35,3,'activation',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["recipe", "hard_swish"]}}');
INSERT INTO "trial_params" VALUES(36,3,'block',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["recipe", "residual"]}}');
INSERT INTO "trial_params" VALUES(37,3,'stage1.mixer',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["pool", "inverted_bottleneck", "dense_conv", "fused_inverted_bottleneck"]}}');
INSERT INTO "trial_params" VALUES(38,3,'stage1.depth',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(39,3,'stage1.width',32.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 8, "high": 32}}');
INSERT INTO "trial_params" VALUES(40,3,'stage1.mlp_ratio',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 2, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(41,3,'stage2.mixer',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["pool", "inverted_bottleneck", "dense_conv", "attention", "fused_inverted_bottleneck"]}}');
INSERT INTO "trial_params" VALUES(42,3,'stage2.depth',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 3}}');
INSERT INTO "trial_params" VALUES(43,3,'stage2.width',64.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 16, "low": 16, "high": 64}}');
INSERT INTO "trial_params" VALUES(44,3,'stage2.mlp_ratio',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 2, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(45,3,'stage3.mixer',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["pool", "inverted_bottleneck", "dense_conv", "attention", "fused_inverted_bottleneck"]}}');
INSERT INTO "trial_params" VALUES(46,3,'stage3.depth',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 2}}');
INSERT INTO "trial_params" VALUES(47,3,'stage3.width',64.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 32, "low": 32, "high": 128}}');
INSERT INTO "trial_params" VALUES(48,3,'stage3.mlp_ratio',0.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 2, "low": 0, "high": 2}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'nas:proposed','{"stem": "2*3x3/2", "downsample": "conv_pool", "activation": "hard_swish", "block": "residual", "stage1.mixer": "inverted_bottleneck", "stage1.depth": 2, "stage1.width": 8, "stage1.mlp_ratio": 2, "stage2.mixer": "pool", "stage2.depth": 0, "stage2.width": 16, "stage2.mlp_ratio": 0, "stage3.mixer": "inverted_bottleneck", "stage3.depth": 2, "stage3.width": 64, "stage3.mlp_ratio": 0}');
INSERT INTO "trial_system_attributes" VALUES(2,2,'nas:proposed','{"stem": "3x3/1", "downsample": "recipe", "activation": "recipe", "block": "recipe", "stage1.mixer": "pool", "stage1.depth": 0, "stage1.width": 16, "stage1.mlp_ratio": 0, "stage2.mixer": "inverted_bottleneck", "stage2.depth": 2, "stage2.width": 32, "stage2.mlp_ratio": 2, "stage3.mixer": "dense_conv", "stage3.depth": 1, "stage3.width": 96, "stage3.mlp_ratio": 2}');
INSERT INTO "trial_system_attributes" VALUES(3,3,'nas:proposed','{"stem": "3x3/2", "downsample": "recipe", "activation": "recipe", "block": "residual", "stage1.mixer": "fused_inverted_bottleneck", "stage1.depth": 2, "stage1.width": 32, "stage1.mlp_ratio": 0, "stage2.mixer": "fused_inverted_bottleneck", "stage2.depth": 3, "stage2.width": 64, "stage2.mlp_ratio": 2, "stage3.mixer": "pool", "stage3.depth": 0, "stage3.width": 64, "stage3.mlp_ratio": 0}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'architecture','"{\"blueprint\":{\"activation\":\"hard_swish\",\"block\":\"residual\",\"downsample\":\"conv_pool\",\"stem\":{\"convs\":2,\"kernel\":3,\"stride\":2}},\"recipe\":\"plain\",\"stages\":[{\"depth\":2,\"mixer\":\"inverted_bottleneck\",\"mlp_ratio\":2,\"width\":8},{\"depth\":0,\"mixer\":\"identity\",\"width\":16},{\"depth\":2,\"mixer\":\"inverted_bottleneck\",\"mlp_ratio\":0,\"width\":64}]}"');
INSERT INTO "trial_user_attributes" VALUES(2,1,'key','"77b2564c1b09b01afa74d131bf38657d"');
INSERT INTO "trial_user_attributes" VALUES(3,1,'parameters','86470');
INSERT INTO "trial_user_attributes" VALUES(4,1,'curve','[2.3131820360819497]');
INSERT INTO "trial_user_attributes" VALUES(5,2,'architecture','"{\"blueprint\":{\"stem\":{\"kernel\":3,\"stride\":1}},\"recipe\":\"plain\",\"stages\":[{\"depth\":0,\"mixer\":\"identity\",\"width\":16},{\"depth\":2,\"mixer\":\"inverted_bottleneck\",\"mlp_ratio\":2,\"width\":32},{\"depth\":1,\"mixer\":\"dense_conv\",\"mlp_ratio\":2,\"width\":96}]}"');
INSERT INTO "trial_user_attributes" VALUES(6,2,'key','"ef0985fd1082c77556aafbd9b5efa1ea"');
INSERT INTO "trial_user_attributes" VALUES(7,2,'parameters','182650');
INSERT INTO "trial_user_attributes" VALUES(8,2,'curve','[2.3086653550465903]');
INSERT INTO "trial_user_attributes" VALUES(9,3,'architecture','"{\"blueprint\":{\"block\":\"residual\",\"stem\":{\"kernel\":3,\"stride\":2}},\"recipe\":\"plain\",\"stages\":[{\"depth\":2,\"mixer\":\"fused_inverted_bottleneck\",\"mlp_ratio\":0,\"width\":32},{\"depth\":3,\"mixer\":\"fused_inverted_bottleneck\",\"mlp_ratio\":2,\"width\":64},{\"depth\":0,\"mixer\":\"identity\",\"width\":64}]}"');
INSERT INTO "trial_user_attributes" VALUES(10,3,'key','"67fad9bb5b2a357787d5c177ee6348c7"');
INSERT INTO "trial_user_attributes" VALUES(11,3,'parameters','395114');
INSERT INTO "trial_user_attributes" VALUES(12,3,'curve','[2.2193323771158853]');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,0.112,'FINITE');
INSERT INTO "trial_values" VALUES(2,1,1,0.35548,'FINITE');
INSERT INTO "trial_values" VALUES(3,2,0,0.096,'FINITE');
INSERT INTO "trial_values" VALUES(4,2,1,1.17133,'FINITE');
INSERT INTO "trial_values" VALUES(5,3,0,0.177,'FINITE');
INSERT INTO "trial_values" VALUES(6,3,1,1.14164,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 18:34:29.738661','2026-11-29 18:35:29.508603');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-29 18:35:29.548611','2026-11-29 18:35:42.285562');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-29 18:35:42.309631','2026-11-29 18:35:54.219491');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX nas_trials_once ON nas_trials (study_id, "key") WHERE state != 'interrupted';
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
