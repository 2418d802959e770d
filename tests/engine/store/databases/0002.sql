BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE chain (
	id INTEGER NOT NULL, 
	length BIGINT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "chain" VALUES(1,14,'2828169de9ed0ff7eac7e56a3bdeeb00569f64a0efc19ed12c6c34a18e6db927');
INSERT INTO "chain" VALUES(2,2,'940d9e55599e37759782e7fa9862edf0c982f84f138335d697e4c27cd7a3ebc5');
CREATE TABLE files_seen (
	printer_id TEXT NOT NULL, 
	path TEXT NOT NULL, 
	name TEXT NOT NULL, 
	size_bytes BIGINT, 
	first_seen DATETIME NOT NULL, 
	last_seen DATETIME NOT NULL, 
	PRIMARY KEY (printer_id, path), 
	FOREIGN KEY(printer_id) REFERENCES printers (id)
);
CREATE TABLE files_sent (
	printer_id TEXT NOT NULL, 
	path TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	facts TEXT NOT NULL, 
	sent_at DATETIME NOT NULL, 
	PRIMARY KEY (printer_id, path), 
	FOREIGN KEY(printer_id) REFERENCES printers (id)
);
INSERT INTO "files_sent" VALUES('P1','/Würfel.gcode',12,'{"kind":"gcode","plates":[{"filaments":[],"nozzles_mm":[0.4],"number":1}],"printer_model":null,"slicer":"PrusaSlicer","slicer_version":null}','2026-11-20 12:00:00.000000');
CREATE TABLE job_events (
	id BIGINT NOT NULL, 
	job_id CHAR(32) NOT NULL, 
	kind TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	live BOOLEAN NOT NULL, 
	job TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(job_id) REFERENCES jobs (id)
);
INSERT INTO "job_events" VALUES(1,'c974c59e25fc510e991a2f63bc03ce51','started','2026-11-20 12:03:00.000000',1,'{"certainty":"none","closed_at":null,"duration_s":null,"duration_source":"unknown","ended_at":null,"first_seen_at":"2026-11-20T12:03:00+00:00","id":"c974c59e-25fc-510e-991a-2f63bc03ce51","layer":null,"layers":null,"name":"W\u00fcrfel 0","origin":null,"outcome":null,"path":"/a/\u00fc.3mf","paused_s":null,"plate":null,"printer_id":"P1","printer_job_id":"0","progress":null,"reason":null,"started_at":"2026-11-20T12:03:00+00:00","state":"preparing"}','cff6d1fed4f441946b0d5af0986f32041683d7c59ab6e971af6b719d6594b122');
INSERT INTO "job_events" VALUES(2,'c974c59e25fc510e991a2f63bc03ce51','printing','2026-11-20 12:04:00.000000',1,'{"certainty":"none","closed_at":null,"duration_s":null,"duration_source":"unknown","ended_at":null,"first_seen_at":"2026-11-20T12:03:00+00:00","id":"c974c59e-25fc-510e-991a-2f63bc03ce51","layer":7,"layers":null,"name":"W\u00fcrfel 0","origin":null,"outcome":null,"path":"/a/\u00fc.3mf","paused_s":null,"plate":null,"printer_id":"P1","printer_job_id":"0","progress":0.5,"reason":null,"started_at":"2026-11-20T12:03:00+00:00","state":"printing"}','0867f5af1aaa46e16f4ccab3194f8e4666348b69fd08a91c104139fc3bfe73c1');
INSERT INTO "job_events" VALUES(3,'c974c59e25fc510e991a2f63bc03ce51','paused','2026-11-20 12:05:00.000000',1,'{"certainty":"none","closed_at":null,"duration_s":null,"duration_source":"unknown","ended_at":null,"first_seen_at":"2026-11-20T12:03:00+00:00","id":"c974c59e-25fc-510e-991a-2f63bc03ce51","layer":7,"layers":null,"name":"W\u00fcrfel 0","origin":null,"outcome":null,"path":"/a/\u00fc.3mf","paused_s":null,"plate":null,"printer_id":"P1","printer_job_id":"0","progress":0.5,"reason":null,"started_at":"2026-11-20T12:03:00+00:00","state":"paused"}','b92563146693373dff8cca9703a451d0584f81a2198b50d15162d38c45cc1160');
INSERT INTO "job_events" VALUES(4,'c974c59e25fc510e991a2f63bc03ce51','finished','2026-11-20 12:06:00.250000',1,'{"certainty":"reported","closed_at":"2026-11-20T12:06:00.250000+00:00","duration_s":180.25,"duration_source":"observed","ended_at":"2026-11-20T12:06:00.250000+00:00","first_seen_at":"2026-11-20T12:03:00+00:00","id":"c974c59e-25fc-510e-991a-2f63bc03ce51","layer":7,"layers":null,"name":"W\u00fcrfel 0","origin":null,"outcome":"completed","path":"/a/\u00fc.3mf","paused_s":60.25,"plate":null,"printer_id":"P1","printer_job_id":"0","progress":0.5,"reason":null,"started_at":"2026-11-20T12:03:00+00:00","state":"ended"}','b06490cc621ed79ed42342ff0095ad55b49719c2d4691c22762d6f71debc43b6');
INSERT INTO "job_events" VALUES(5,'7998ed279fc15398aad274bb9c812639','started','2026-11-20 12:07:00.250000',1,'{"certainty":"none","closed_at":null,"duration_s":null,"duration_source":"unknown","ended_at":null,"first_seen_at":"2026-11-20T12:07:00.250000+00:00","id":"7998ed27-9fc1-5398-aad2-74bb9c812639","layer":null,"layers":null,"name":"W\u00fcrfel 1","origin":null,"outcome":null,"path":"/a/\u00fc.3mf","paused_s":null,"plate":null,"printer_id":"P1","printer_job_id":"1","progress":null,"reason":null,"started_at":"2026-11-20T12:07:00.250000+00:00","state":"preparing"}','5653fe4b0f5703d180aeaa7c650fcb06b218cbbb4439e462f11554b733c394ea');
INSERT INTO "job_events" VALUES(6,'7998ed279fc15398aad274bb9c812639','printing','2026-11-20 12:08:00.250000',1,'{"certainty":"none","closed_at":null,"duration_s":null,"duration_source":"unknown","ended_at":null,"first_seen_at":"2026-11-20T12:07:00.250000+00:00","id":"7998ed27-9fc1-5398-aad2-74bb9c812639","layer":7,"layers":null,"name":"W\u00fcrfel 1","origin":null,"outcome":null,"path":"/a/\u00fc.3mf","paused_s":null,"plate":null,"printer_id":"P1","printer_job_id":"1","progress":0.5,"reason":null,"started_at":"2026-11-20T12:07:00.250000+00:00","state":"printing"}','466342a940125e46fe6eb068ebb9ac1871baa908500a76778f32361b12969180');
INSERT INTO "job_events" VALUES(7,'7998ed279fc15398aad274bb9c812639','paused','2026-11-20 12:09:00.250000',1,'{"certainty":"none","closed_at":null,"duration_s":null,"duration_source":"unknown","ended_at":null,"first_seen_at":"2026-11-20T12:07:00.250000+00:00","id":"7998ed27-9fc1-5398-aad2-74bb9c812639","layer":7,"layers":null,"name":"W\u00fcrfel 1","origin":null,"outcome":null,"path":"/a/\u00fc.3mf","paused_s":null,"plate":null,"printer_id":"P1","printer_job_id":"1","progress":0.5,"reason":null,"started_at":"2026-11-20T12:07:00.250000+00:00","state":"paused"}','4f2b77ef91c06c5b87970fe44c78e35d731a9f71bd2b4a2f416c424b435b9163');
INSERT INTO "job_events" VALUES(8,'7998ed279fc15398aad274bb9c812639','finished','2026-11-20 12:10:00.500000',1,'{"certainty":"reported","closed_at":"2026-11-20T12:10:00.500000+00:00","duration_s":180.25,"duration_source":"observed","ended_at":"2026-11-20T12:10:00.500000+00:00","first_seen_at":"2026-11-20T12:07:00.250000+00:00","id":"7998ed27-9fc1-5398-aad2-74bb9c812639","layer":7,"layers":null,"name":"W\u00fcrfel 1","origin":null,"outcome":"completed","path":"/a/\u00fc.3mf","paused_s":60.25,"plate":null,"printer_id":"P1","printer_job_id":"1","progress":0.5,"reason":null,"started_at":"2026-11-20T12:07:00.250000+00:00","state":"ended"}','03cd68e34b49a3a38ca1faba874ac2cf01ecf36900d25f06bef49128f4a072fd');
INSERT INTO "job_events" VALUES(9,'35761d1652675ebebefd3b9b4bce12c5','started','2026-11-20 12:11:00.500000',1,'{"certainty":"none","closed_at":null,"duration_s":null,"duration_source":"unknown","ended_at":null,"first_seen_at":"2026-11-20T12:11:00.500000+00:00","id":"35761d16-5267-5ebe-befd-3b9b4bce12c5","layer":null,"layers":null,"name":"W\u00fcrfel 2","origin":null,"outcome":null,"path":"/a/\u00fc.3mf","paused_s":null,"plate":null,"printer_id":"P1","printer_job_id":"2","progress":null,"reason":null,"started_at":"2026-11-20T12:11:00.500000+00:00","state":"preparing"}','1d1425aa5f6dfcbc91eb363911722ac78b503539f3e6c4089d2897785709f565');
INSERT INTO "job_events" VALUES(10,'35761d1652675ebebefd3b9b4bce12c5','printing','2026-11-20 12:12:00.500000',1,'{"certainty":"none","closed_at":null,"duration_s":null,"duration_source":"unknown","ended_at":null,"first_seen_at":"2026-11-20T12:11:00.500000+00:00","id":"35761d16-5267-5ebe-befd-3b9b4bce12c5","layer":7,"layers":null,"name":"W\u00fcrfel 2","origin":null,"outcome":null,"path":"/a/\u00fc.3mf","paused_s":null,"plate":null,"printer_id":"P1","printer_job_id":"2","progress":0.5,"reason":null,"started_at":"2026-11-20T12:11:00.500000+00:00","state":"printing"}','40cc954e1c310fa9177e2386a165c3abc323625d3eb5faada5af768a244ba96e');
INSERT INTO "job_events" VALUES(11,'35761d1652675ebebefd3b9b4bce12c5','paused','2026-11-20 12:13:00.500000',1,'{"certainty":"none","closed_at":null,"duration_s":null,"duration_source":"unknown","ended_at":null,"first_seen_at":"2026-11-20T12:11:00.500000+00:00","id":"35761d16-5267-5ebe-befd-3b9b4bce12c5","layer":7,"layers":null,"name":"W\u00fcrfel 2","origin":null,"outcome":null,"path":"/a/\u00fc.3mf","paused_s":null,"plate":null,"printer_id":"P1","printer_job_id":"2","progress":0.5,"reason":null,"started_at":"2026-11-20T12:11:00.500000+00:00","state":"paused"}','d874b9b62c1a287e7844268eeb50f690871254c0327b18ed8ba90dd91d4df406');
INSERT INTO "job_events" VALUES(12,'35761d1652675ebebefd3b9b4bce12c5','finished','2026-11-20 12:14:00.750000',1,'{"certainty":"reported","closed_at":"2026-11-20T12:14:00.750000+00:00","duration_s":180.25,"duration_source":"observed","ended_at":"2026-11-20T12:14:00.750000+00:00","first_seen_at":"2026-11-20T12:11:00.500000+00:00","id":"35761d16-5267-5ebe-befd-3b9b4bce12c5","layer":7,"layers":null,"name":"W\u00fcrfel 2","origin":null,"outcome":"completed","path":"/a/\u00fc.3mf","paused_s":60.25,"plate":null,"printer_id":"P1","printer_job_id":"2","progress":0.5,"reason":null,"started_at":"2026-11-20T12:11:00.500000+00:00","state":"ended"}','0df8500ca90657bd646365dea6cf3399683a54b84e47036c1a115e63196ca90d');
INSERT INTO "job_events" VALUES(13,'6403445b1ace5b87ab1a597b87294a6c','started','2026-11-20 12:15:00.750000',1,'{"certainty":"none","closed_at":null,"duration_s":null,"duration_source":"unknown","ended_at":null,"first_seen_at":"2026-11-20T12:15:00.750000+00:00","id":"6403445b-1ace-5b87-ab1a-597b87294a6c","layer":3,"layers":null,"name":"l\u00e4uft","origin":"local","outcome":null,"path":null,"paused_s":null,"plate":null,"printer_id":"P1","printer_job_id":"running","progress":0.25,"reason":null,"started_at":"2026-11-20T12:15:00.750000+00:00","state":"printing"}','21b90fa5293a7c74f030ff6a410e6688a4b500b440735a57ac25fddeeaf8d907');
INSERT INTO "job_events" VALUES(14,'6403445b1ace5b87ab1a597b87294a6c','printing','2026-11-20 12:15:00.750000',1,'{"certainty":"none","closed_at":null,"duration_s":null,"duration_source":"unknown","ended_at":null,"first_seen_at":"2026-11-20T12:15:00.750000+00:00","id":"6403445b-1ace-5b87-ab1a-597b87294a6c","layer":3,"layers":null,"name":"l\u00e4uft","origin":"local","outcome":null,"path":null,"paused_s":null,"plate":null,"printer_id":"P1","printer_job_id":"running","progress":0.25,"reason":null,"started_at":"2026-11-20T12:15:00.750000+00:00","state":"printing"}','2828169de9ed0ff7eac7e56a3bdeeb00569f64a0efc19ed12c6c34a18e6db927');
CREATE TABLE jobs (
	id CHAR(32) NOT NULL, 
	printer_id TEXT NOT NULL, 
	printer_job_id TEXT, 
	path TEXT, 
	name TEXT, 
	plate INTEGER, 
	state TEXT NOT NULL, 
	started_at DATETIME, 
	first_seen_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	closed_at DATETIME, 
	outcome TEXT, 
	certainty TEXT NOT NULL, 
	reason TEXT, 
	duration_s DOUBLE, 
	duration_source TEXT NOT NULL, 
	paused_s DOUBLE, 
	progress DOUBLE, 
	layer INTEGER, 
	layers INTEGER, 
	origin TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(printer_id) REFERENCES printers (id)
);
INSERT INTO "jobs" VALUES('c974c59e25fc510e991a2f63bc03ce51','P1','0','/a/ü.3mf','Würfel 0',NULL,'ended','2026-11-20 12:03:00.000000','2026-11-20 12:03:00.000000','2026-11-20 12:06:00.250000','2026-11-20 12:06:00.250000','completed','reported',NULL,180.25,'observed',60.25,0.5,7,NULL,NULL);
INSERT INTO "jobs" VALUES('7998ed279fc15398aad274bb9c812639','P1','1','/a/ü.3mf','Würfel 1',NULL,'ended','2026-11-20 12:07:00.250000','2026-11-20 12:07:00.250000','2026-11-20 12:10:00.500000','2026-11-20 12:10:00.500000','completed','reported',NULL,180.25,'observed',60.25,0.5,7,NULL,NULL);
INSERT INTO "jobs" VALUES('35761d1652675ebebefd3b9b4bce12c5','P1','2','/a/ü.3mf','Würfel 2',NULL,'ended','2026-11-20 12:11:00.500000','2026-11-20 12:11:00.500000','2026-11-20 12:14:00.750000','2026-11-20 12:14:00.750000','completed','reported',NULL,180.25,'observed',60.25,0.5,7,NULL,NULL);
INSERT INTO "jobs" VALUES('6403445b1ace5b87ab1a597b87294a6c','P1','running',NULL,'läuft',NULL,'printing','2026-11-20 12:15:00.750000','2026-11-20 12:15:00.750000',NULL,NULL,NULL,'none',NULL,NULL,'unknown',NULL,0.25,3,NULL,'local');
CREATE TABLE printers (
	id TEXT NOT NULL, 
	kind TEXT, 
	model TEXT, 
	name TEXT, 
	first_seen DATETIME NOT NULL, 
	last_seen DATETIME NOT NULL, 
	memory TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "printers" VALUES('P1',NULL,NULL,NULL,'2026-11-20 12:03:00.000000','2026-11-20 12:15:00.750000','{"acquainted":true,"known_ids":["0","1","2"],"result_state":"finished","results":[["0",null,"W\u00fcrfel 0",null],["1","/a/\u00fc.3mf","W\u00fcrfel 1",null],["1",null,"W\u00fcrfel 1",null],["2","/a/\u00fc.3mf","W\u00fcrfel 2",null],["2",null,"W\u00fcrfel 2",null]],"run":{"clock_jumped":false,"doubt_s":null,"job_id":"6403445b-1ace-5b87-ab1a-597b87294a6c","printed":true},"runs":4,"state":"printing"}');
CREATE TABLE start_events (
	id BIGINT NOT NULL, 
	start_id CHAR(32) NOT NULL, 
	number INTEGER NOT NULL, 
	printer_id TEXT NOT NULL, 
	step TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	detail TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(printer_id) REFERENCES printers (id)
);
INSERT INTO "start_events" VALUES(1,'27f27624ac0a401ab78a92edf0557594',1,'P1','sent','2026-11-20 12:00:01.000000','{"attempt":1,"by":"0123456789abcdef","key":null,"overridden":["wrong_nozzle: 0.6 mm, not 0.4 mm"],"path":"/W\u00fcrfel.gcode","plate":2,"reason":null}','f15b00ebdf2685baddb1e8a64b4d971907521c5cd9e814ad1340e11dae29ce1b');
INSERT INTO "start_events" VALUES(2,'27f27624ac0a401ab78a92edf0557594',2,'P1','not_taken','2026-11-20 12:00:02.000000','{"attempt":1,"by":"0123456789abcdef","key":"printer_busy","overridden":["wrong_nozzle: 0.6 mm, not 0.4 mm"],"path":"/W\u00fcrfel.gcode","plate":2,"reason":"it says no"}','940d9e55599e37759782e7fa9862edf0c982f84f138335d697e4c27cd7a3ebc5');
CREATE INDEX jobs_by_time ON jobs (first_seen_at, id);
CREATE INDEX jobs_by_printer ON jobs (printer_id, first_seen_at, id);
CREATE INDEX jobs_by_outcome ON jobs (outcome, first_seen_at, id);
CREATE INDEX jobs_statistics ON jobs (printer_id, first_seen_at, outcome, duration_s);
CREATE INDEX job_events_by_job ON job_events (job_id, id);
CREATE TRIGGER job_events_no_update BEFORE UPDATE ON job_events
    BEGIN SELECT RAISE(ABORT, 'job_events is append-only'); END;
CREATE TRIGGER job_events_no_delete BEFORE DELETE ON job_events
    BEGIN SELECT RAISE(ABORT, 'job_events is append-only'); END;
CREATE TRIGGER job_events_no_replace BEFORE INSERT ON job_events
    WHEN EXISTS (SELECT 1 FROM job_events WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'job_events is append-only'); END;
CREATE UNIQUE INDEX start_events_by_start ON start_events (start_id, number);
CREATE INDEX start_events_by_printer ON start_events (printer_id, id);
CREATE TRIGGER start_events_no_update BEFORE UPDATE ON start_events
    BEGIN SELECT RAISE(ABORT, 'start_events is append-only'); END;
CREATE TRIGGER start_events_no_delete BEFORE DELETE ON start_events
    BEGIN SELECT RAISE(ABORT, 'start_events is append-only'); END;
CREATE TRIGGER start_events_no_replace BEFORE INSERT ON start_events
    WHEN EXISTS (
        SELECT 1 FROM start_events
        WHERE id = NEW.id OR (start_id = NEW.start_id AND number = NEW.number)
    )
    BEGIN SELECT RAISE(ABORT, 'start_events is append-only'); END;
COMMIT;
